// Puts the repository's own language server into the package, as a wheel: `nexus-lsp` is not on PyPI. Its
// dependencies are not in it. Where no Python can build one, the package goes without, and says so.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const extension = join(dirname(fileURLToPath(import.meta.url)), "..");
const repository = join(extension, "..");
const own = join(repository, ".venv/bin/python");
const target = join(extension, "server");

rmSync(target, { recursive: true, force: true });
mkdirSync(target);
try {
  const python = existsSync(own) ? own : "python3";
  execFileSync(python, ["-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps", "--retries", "1", "--wheel-dir", target, repository], { stdio: ["ignore", "inherit", "inherit"] });
} catch (error) {
  console.warn(`No wheel in the package (${error.message.split("\n")[0]}): NEXUS: Install Server will look on PyPI.`);
}
