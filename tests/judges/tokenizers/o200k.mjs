// Counts the tokens of texts with o200k. usage: o200k.mjs MODULE <TEXTS
import { readFileSync } from "node:fs";

const { encode } = await import(process.argv[2]);
const texts = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify(texts.map((text) => encode(text, { disallowedSpecial: new Set() }).length)));
