"""What is wrong with a merged Python file although it parses: names that collide, names that are gone."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator

Def = ast.FunctionDef | ast.AsyncFunctionDef


def sound(base: str, ours: str, theirs: str, merged: str) -> bool:
    """Whether the merge parses and neither side's work breaks the other's, as far as can be told from it."""
    try:
        b, o, t, m = (ast.parse(text) for text in (base, ours, theirs, merged))
    except (SyntaxError, ValueError, RecursionError):
        return False
    return not (
        _more_than_either(_bound(o), _bound(t), _bound(m))
        or _more_than_either(_keys(o), _keys(t), _keys(m))
        or _takes_what_is_used(b, o, t)
        or _takes_what_is_used(b, t, o)
        or _positions_are_mixed(o, t, m)
    )


def _more_than_either(ours: Counter[str], theirs: Counter[str], merged: Counter[str]) -> bool:
    return any(n > 1 and n > max(ours[name], theirs[name]) for name, n in merged.items())


# --- names that collide ------------------------------------------------------------------------------


def _bound(tree: ast.Module) -> Counter[str]:
    """How often each name is bound in each module and class body: `Class.name`; enum values as well."""
    found: Counter[str] = Counter()
    for where, body in _scopes(tree.body, ""):
        for stmt in body:
            found.update(f"{where}{name}" for name in dict.fromkeys(_binds(stmt)))
    return found


def _scopes(body: list[ast.stmt], where: str) -> Iterator[tuple[str, list[ast.stmt]]]:
    yield where, body
    for stmt in body:
        if isinstance(stmt, ast.ClassDef):
            yield from _scopes(stmt.body, f"{where}{stmt.name}.")
            if any("Enum" in ast.unparse(one) or "Flag" in ast.unparse(one) for one in stmt.bases):
                values = [
                    s for s in stmt.body if isinstance(s, ast.Assign) and isinstance(s.value, ast.Constant)
                ]
                named = [ast.Name(id=f"={ast.unparse(s.value)}", ctx=ast.Store()) for s in values]
                stmts: list[ast.stmt] = [ast.Assign(targets=[n], value=n) for n in named]
                yield f"{where}{stmt.name}.", stmts


def _binds(stmt: ast.stmt) -> Iterator[str]:
    match stmt:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            yield from (one.asname or one.name.partition(".")[0] for one in names if one.name != "*")
        case ast.Assign(targets=targets):
            yield from (t.id for t in targets if isinstance(t, ast.Name))
        case ast.AnnAssign(target=ast.Name(id=name)):
            yield name
        case _:
            return


def _keys(tree: ast.Module) -> Counter[str]:
    """How often at most each constant key stands in one dictionary."""
    found: Counter[str] = Counter()
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            keys = Counter(ast.unparse(k) for k in node.keys if isinstance(k, ast.Constant))
            found.update({k: max(found[k], n) - found[k] for k, n in keys.items()})
    return found


# --- names that are gone -----------------------------------------------------------------------------


def _takes_what_is_used(base: ast.Module, one: ast.Module, other: ast.Module) -> bool:
    """Whether one side took away, renamed or narrowed what the other side uses in what it added."""
    used, before = _used(other), _used(base)
    more = {name for name, n in used.items() if n > before[name]}
    there, here = _defined(base), _defined(one)
    gone = {name for name in there if name not in here}
    narrowed = {name for name in there if name in here and not _takes_all(there[name], here[name])}
    return bool(more & (gone | narrowed))


def _used(tree: ast.Module) -> Counter[str]:
    found: Counter[str] = Counter()
    for node in ast.walk(tree):
        match node:
            case (
                ast.Name(id=name)
                | ast.Attribute(attr=name)
                | ast.keyword(arg=str(name))
                | ast.alias(name=name)
            ):
                found[name] += 1
            case _:
                pass
    return found


def _defined(tree: ast.Module) -> dict[str, Def | None]:
    """Names of modules and classes, imports too; with the function, where it is one and there are no two."""
    found: dict[str, Def | None] = {}
    for _, body in _scopes(tree.body, ""):
        for stmt in body:
            for name in _binds(stmt):
                is_def = isinstance(stmt, ast.FunctionDef | ast.AsyncFunctionDef)
                found[name] = stmt if is_def and name not in found else None
    return found


def _takes_all(old: Def | None, new: Def | None) -> bool:
    """Whether every call that the old function takes, the new one takes too."""
    if old is None or new is None:
        return True
    a, b = old.args, new.args
    was, now = [x.arg for x in (*a.posonlyargs, *a.args)], [x.arg for x in (*b.posonlyargs, *b.args)]
    needed_before, needed = len(was) - len(a.defaults), len(now) - len(b.defaults)
    if now[: len(was)] != was or needed > needed_before:
        return False
    must = {x.arg for x, d in zip(b.kwonlyargs, b.kw_defaults, strict=True) if d is None}
    must_before = {x.arg for x, d in zip(a.kwonlyargs, a.kw_defaults, strict=True) if d is None}
    names = {x.arg for x in b.kwonlyargs} | set(now)
    return must <= must_before and {x.arg for x in a.kwonlyargs} <= names


def _positions_are_mixed(ours: ast.Module, theirs: ast.Module, merged: ast.Module) -> bool:
    """Whether a function has positional parameters that it has on neither side: calls would be wrong."""
    o, t = _defined(ours), _defined(theirs)
    for name, made in _defined(merged).items():
        if made is None:
            continue
        known = [_positional(side[name]) for side in (o, t) if side.get(name)]
        if known and _positional(made) not in known:
            return True
    return False


def _positional(one: Def | None) -> list[str]:
    return [x.arg for x in (*one.args.posonlyargs, *one.args.args)] if one else []
