import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import * as esbuild from "esbuild";

const production = process.argv.includes("--production");
const extension = {
  entryPoints: ["src/extension.ts"],
  outfile: "dist/extension.cjs",
  bundle: true,
  platform: "node",
  format: "cjs",
  target: "node20",
  // The editor provides `vscode`; everything else is bundled, so the package needs no node_modules.
  external: ["vscode"],
  minify: production,
  sourcemap: production ? false : "linked",
  legalComments: "none",
  logLevel: "warning",
};

// The dashboard is a page of its own: it knows no editor, so that a browser can be served the same file.
const dashboard = {
  entryPoints: { dashboard: "src/dashboard/main.ts" },
  outdir: "dist",
  bundle: true,
  platform: "browser",
  format: "iife",
  target: "es2022",
  minify: production,
  sourcemap: false,
  legalComments: "none",
  logLevel: "warning",
};

if (process.argv.includes("--watch")) {
  for (const options of [extension, dashboard]) await (await esbuild.context(options)).watch();
} else {
  if (production) await rm("dist/extension.cjs.map", { force: true });
  const built = await Promise.all([extension, dashboard].map((options) => esbuild.build({ ...options, metafile: true })));
  await writeFile("dist/LICENSES.txt", await licenses(built.flatMap(({ metafile }) => Object.keys(metafile.inputs))));
}

/** The licences of all packages that are in the bundles: each asks for its notice to go along. */
async function licenses(files) {
  const packages = new Set(files.flatMap((file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? []));
  const texts = [];
  for (const folder of [...packages].sort()) {
    const name = (await readdir(folder)).find((each) => /^licen[cs]e/i.test(each));
    const { name: title, version, license } = JSON.parse(await readFile(`${folder}/package.json`, "utf8"));
    texts.push(`${title} ${version} (${license})\n\n${name ? (await readFile(`${folder}/${name}`, "utf8")).trim() : "No licence file in the package."}\n`);
  }
  return texts.join(`\n${"-".repeat(80)}\n\n`);
}
