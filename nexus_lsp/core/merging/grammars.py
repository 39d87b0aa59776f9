"""The languages that a grammar reads: what of their syntax is a unit, a group, a name."""

from __future__ import annotations

from dataclasses import replace

from nexus_lsp.core.merging.syntax import Grammar, Sort

_SCRIPT_SORTS: dict[str, Sort] = {
    "import_statement": "import",
    "function_declaration": "function",
    "generator_function_declaration": "function",
    "function_signature": "function",
    "class_declaration": "type",
    "abstract_class_declaration": "type",
    "interface_declaration": "type",
    "type_alias_declaration": "type",
    "enum_declaration": "type",
    "internal_module": "type",
    "module": "type",
    "lexical_declaration": "constant",
    "variable_declaration": "constant",
    "method_definition": "function",
    "method_signature": "function",
    "abstract_method_signature": "function",
    "public_field_definition": "field",
    "field_definition": "field",
    "property_signature": "field",
}

JAVASCRIPT = Grammar(
    "javascript",
    {
        "program": "scope",
        "class_body": "members",
        "interface_body": "members",
        "object_type": "members",
        "statement_block": "body",
        "switch_body": "cases",
    },
    {
        "object": "entries",
        "array": "array",
        "named_imports": "names",
        "export_clause": "names",
        "enum_body": "entries",
    },
    _SCRIPT_SORTS,
    wraps=frozenset({"export_statement", "ambient_declaration"}),
    above=frozenset({"decorator"}),
    falls=True,
)
TYPESCRIPT = replace(JAVASCRIPT, name="typescript")
TSX = replace(JAVASCRIPT, name="tsx")

GO = Grammar(
    "go",
    {
        "source_file": "scope",
        "import_spec_list": "imports",
        "const_declaration": "members",
        "var_declaration": "members",
        "var_spec_list": "members",
        "type_declaration": "members",
        "field_declaration_list": "members",
        "interface_type": "members",
        "block": "body",
        "expression_switch_statement": "cases",
        "type_switch_statement": "cases",
    },
    {"literal_value": "entries"},
    {
        "import_declaration": "import",
        "import_spec": "import",
        "function_declaration": "function",
        "method_declaration": "function",
        "type_declaration": "type",
        "type_spec": "type",
        "type_alias": "type",
        "const_declaration": "constant",
        "var_declaration": "constant",
        "const_spec": "constant",
        "var_spec": "constant",
        "field_declaration": "field",
        "method_elem": "field",
    },
    runs=frozenset({"statement_list"}),
)

RUST = Grammar(
    "rust",
    {
        "source_file": "scope",
        "declaration_list": "members",
        "block": "body",
        "match_block": "cases",
    },
    {
        "field_declaration_list": "entries",
        "enum_variant_list": "entries",
        "field_initializer_list": "entries",
        "array_expression": "array",
        "use_list": "names",
    },
    {
        "use_declaration": "import",
        "extern_crate_declaration": "import",
        "mod_item": "type",
        "function_item": "function",
        "function_signature_item": "function",
        "struct_item": "type",
        "union_item": "type",
        "enum_item": "type",
        "trait_item": "type",
        "impl_item": "type",
        "type_item": "type",
        "associated_type": "type",
        "const_item": "constant",
        "static_item": "constant",
    },
    above=frozenset({"attribute_item"}),
)

JAVA = Grammar(
    "java",
    {
        "program": "scope",
        "class_body": "members",
        "interface_body": "members",
        "annotation_type_body": "members",
        "enum_body_declarations": "members",
        "block": "body",
        "constructor_body": "body",
        "switch_block": "cases",
    },
    {"enum_body": "entries", "array_initializer": "array", "element_value_array_initializer": "array"},
    {
        "import_declaration": "import",
        "class_declaration": "type",
        "interface_declaration": "type",
        "enum_declaration": "type",
        "record_declaration": "type",
        "annotation_type_declaration": "type",
        "method_declaration": "function",
        "constructor_declaration": "function",
        "compact_constructor_declaration": "function",
        "annotation_type_element_declaration": "function",
        "field_declaration": "field",
        "constant_declaration": "field",
    },
    signed=True,
    falls=True,
)

C_SHARP = Grammar(
    "c_sharp",
    {
        "compilation_unit": "scope",
        "declaration_list": "members",
        "block": "body",
        "switch_body": "cases",
    },
    {"enum_member_declaration_list": "entries", "initializer_expression": "array"},
    {
        "using_directive": "import",
        "namespace_declaration": "type",
        "class_declaration": "type",
        "struct_declaration": "type",
        "interface_declaration": "type",
        "enum_declaration": "type",
        "record_declaration": "type",
        "record_struct_declaration": "type",
        "delegate_declaration": "type",
        "method_declaration": "function",
        "constructor_declaration": "function",
        "local_function_statement": "function",
        "property_declaration": "field",
        "field_declaration": "field",
        "event_field_declaration": "field",
    },
    signed=True,
    falls=True,
)

CSS = Grammar("css", {"stylesheet": "rules", "block": "declarations"}, {}, {"declaration": "field"})

YAML = Grammar("yaml", {"block_mapping": "mapping"}, {}, {"block_mapping_pair": "entry"})

BY_END = {
    ".js": JAVASCRIPT,
    ".jsx": JAVASCRIPT,
    ".mjs": JAVASCRIPT,
    ".cjs": JAVASCRIPT,
    ".ts": TYPESCRIPT,
    ".mts": TYPESCRIPT,
    ".cts": TYPESCRIPT,
    ".tsx": TSX,
    ".go": GO,
    ".rs": RUST,
    ".java": JAVA,
    ".cs": C_SHARP,
    ".css": CSS,
    ".yml": YAML,
    ".yaml": YAML,
}
"""The end of a file's name → its grammar."""
