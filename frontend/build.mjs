// Builds what the pages load and puts it where the service serves it from: one style sheet, two libraries.
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import * as sass from "sass";

const here = dirname(fileURLToPath(import.meta.url));
const modules = join(here, "node_modules");
const target = join(here, "..", "surveillance", "web", "static", "vendor");
const version = JSON.parse(readFileSync(join(modules, "nhsuk-frontend", "package.json"))).version;

mkdirSync(target, { recursive: true });
const { css } = sass.compile(join(here, "app.scss"), {
  style: "compressed",
  loadPaths: [join(modules, "nhsuk-frontend", "dist")],
  importers: [{ findFileUrl: (url) => (url.startsWith("nhsuk/") ? pathToFileURL(join(modules, "nhsuk-frontend", "dist", url)) : null) }],
  quietDeps: true,
});
writeFileSync(join(target, "app.css"), css);
// The few icons that the style sheet names.
const images = join(modules, "nhsuk-frontend", "dist", "nhsuk", "assets", "images");
for (const [, name] of css.matchAll(/\/static\/vendor\/([\w-]+\.svg)/g)) copyFileSync(join(images, name), join(target, name));

// The maps of the libraries are left out, and with them the lines that name them: a browser would ask in vain.
const withoutMap = (file) => readFileSync(file, "utf8").replace(/\/\/# sourceMappingURL=.*\s*$/, "");
writeFileSync(
  join(target, "nhsuk.js"),
  withoutMap(join(modules, "nhsuk-frontend", "dist", "nhsuk", `nhsuk-frontend-${version}.min.js`)),
);
writeFileSync(join(target, "htmx.js"), withoutMap(join(modules, "htmx.org", "dist", "htmx.min.js")));
copyFileSync(join(modules, "htmx.org", "LICENSE"), join(target, "htmx-LICENSE.txt"));
console.log(`built ${target}`);
