// The language servers and agents of one test, found by what /proc says of them; to be killed as a crash would.
import { readdir, readFile } from "node:fs/promises";

async function processes() {
  const found = [];
  for (const pid of (await readdir("/proc")).filter(Number).map(Number)) {
    const [args, env, stat] = await Promise.all(["cmdline", "environ", "stat"].map((name) => readFile(`/proc/${pid}/${name}`, "utf8").catch(() => "")));
    const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
    found.push({ pid, parent, args, env });
  }
  return found;
}

/** Ids of the language servers that keep their state in `state`. */
export async function servers(state) {
  const all = await processes();
  return all.filter(({ args, env }) => args.includes("nexus_lsp\0serve") && env.includes(`NEXUS_STATE_DIR=${state}\0`)).map(({ pid }) => pid);
}

/** Ids of the Claude Code agents below these servers. */
export async function agents(state) {
  const all = await processes();
  const below = new Set(await servers(state));
  for (let size = 0; size !== below.size; ) {
    size = below.size;
    for (const { pid, parent } of all) if (below.has(parent)) below.add(pid);
  }
  return all.filter(({ pid, args }) => below.has(pid) && /claude/.test(args.split("\0").slice(0, 2).join(" "))).map(({ pid }) => pid);
}
