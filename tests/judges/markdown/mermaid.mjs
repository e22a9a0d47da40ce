// Parses pictures, a JSON list on standard input, and prints the fault of each, or null.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

// What GitHub draws at most is Mermaid's own default.
const LONGEST = 50_000;

const require = createRequire(join(process.env.LLMC_JUDGE_HOME, "package.json"));
const { JSDOM } = require("jsdom");
globalThis.window = new JSDOM("").window;
globalThis.document = globalThis.window.document;
const entry = join(process.env.LLMC_JUDGE_HOME, "node_modules", "mermaid", "dist", "mermaid.core.mjs");
const { default: mermaid } = await import(pathToFileURL(entry));

async function fault(text) {
  if (text.length > LONGEST) return `has ${text.length} characters`;
  // These run code or follow links, or change how the picture is drawn.
  if (/^\s*(click|href|callback|call)\b|%%\{|^---/m.test(text)) return "has a directive";
  try {
    await mermaid.parse(text);
    return null;
  } catch (error) {
    return String(error.message).split("\n")[0];
  }
}

const faults = [];
for (const text of JSON.parse(readFileSync(0, "utf8"))) faults.push(await fault(text));
console.log(JSON.stringify(faults));
