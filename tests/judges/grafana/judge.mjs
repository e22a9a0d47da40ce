// Pastes each dashboard as a typed literal into a module and has tsc check them all.
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { pathAt } from "./json-path.mjs";

// Node's own failures exit with 1: the caller must tell them from a verdict.
const REJECTED = 3;
const FAILED = 2;
const LONGEST = 400;
const HEAD = 'import type { Dashboard } from "./dashboard.js";\nexport const dashboard: Dashboard =\n';
const HEAD_LINES = HEAD.split("\n").length - 1;

const home = process.env.LLMC_JUDGE_HOME;
const here = dirname(fileURLToPath(import.meta.url));

const options = {
  strict: true,
  noEmit: true,
  skipLibCheck: true,
  module: "nodenext",
  target: "es2022",
  types: [],
};

function read(file) {
  const text = readFileSync(file, "utf8");
  try {
    const { title } = Object(JSON.parse(text));
    const name = typeof title === "string" ? title.replaceAll(/\s+/g, " ") : "?";
    return { file, text, name, reasons: [] };
  } catch (error) {
    return { file, text: undefined, name: "?", reasons: [`not JSON: ${error.message.replaceAll(/\s+/g, " ")}`] };
  }
}

/** tsc's report as [{ file, line, column, message }]; further lines explain the first. */
function parse(report) {
  const found = [];
  for (const line of report.split("\n")) {
    const match = /^(\S+)\((\d+),(\d+)\): error TS\d+: (.*)$/.exec(line);
    if (match) found.push({ file: match[1], line: +match[2], column: +match[3], message: match[4] });
    else if (/^\s+\S/.test(line) && found.length > 0) found.at(-1).message += ` ${line.trim()}`;
    else if (line.trim() !== "") throw new Error(`tsc says: ${line}`);
  }
  return found;
}

function offsetOf(text, line, column) {
  const before = text.split("\n").slice(0, line - 1);
  return before.reduce((sum, { length }) => sum + length + 1, 0) + column - 1;
}

function reason(text, { line, column, message }) {
  const inText = line - HEAD_LINES;
  // The whole literal is at fault where tsc points at the variable's name.
  const place = inText < 1 ? "" : pathAt(text, offsetOf(text, inText, column));
  // The end of a long message tells more than its middle.
  const half = LONGEST / 2;
  const short = message.length <= LONGEST ? message : `${message.slice(0, half)} ... ${message.slice(-half)}`;
  return `${place || "dashboard"}: ${short}`;
}

function check(subjects, folder) {
  // Beside node_modules, so that the types are found.
  copyFileSync(join(here, "dashboard.ts"), join(folder, "dashboard.ts"));
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  const modules = new Map();
  for (const [index, subject] of subjects.entries()) {
    if (subject.text === undefined) continue;
    const module = `subject${index}.ts`;
    writeFileSync(join(folder, module), `${HEAD}${subject.text}`);
    modules.set(module, subject);
  }
  const files = [...modules.keys()];
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions: options, files }));
  if (files.length === 0) return;

  const tsc = join(home, "node_modules", "typescript", "bin", "tsc");
  const run = spawnSync(process.execPath, [tsc, "--project", folder, "--pretty", "false"], {
    cwd: folder,
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  if (run.error) throw run.error;
  const found = parse(run.stdout);
  if (run.status === null || (run.status !== 0 && found.length === 0)) throw new Error(`tsc failed: ${run.stderr}`);
  for (const error of found) {
    const subject = modules.get(error.file);
    if (subject === undefined) throw new Error(`${error.file}: ${error.message}`);
    subject.reasons.push(reason(subject.text, error));
  }
}

function main(files) {
  const subjects = files.map(read);
  const folder = mkdtempSync(join(home, "run-"));
  try {
    check(subjects, folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
  const lines = subjects.flatMap(({ file, name, reasons }) =>
    reasons.map((text) => `${file}: document 1 Dashboard/${name}: ${text}`),
  );
  for (const line of lines) console.log(line);
  return lines.length > 0 ? REJECTED : 0;
}

try {
  process.exitCode = main(process.argv.slice(2));
} catch (error) {
  console.error(`grafana judge: ${error.message}`);
  process.exitCode = FAILED;
}
