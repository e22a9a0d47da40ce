/** The way to the value, or to the key, that stands at an offset of a JSON text. */
export function pathAt(text, offset) {
  const tokens = /"(?:[^"\\]|\\.)*"|[{}[\],:]/g;
  const stack = [];
  for (let match; (match = tokens.exec(text)) && match.index <= offset; ) {
    const token = match[0];
    const top = stack.at(-1);
    if (token === "{") stack.push({ step: undefined, key: true });
    else if (token === "[") stack.push({ step: 0, key: false });
    else if (token === "}" || token === "]") {
      // An offset at the end of a value belongs to the value.
      if (match.index < offset) stack.pop();
    } else if (token === ",") {
      if (typeof top.step === "number") top.step += 1;
      else top.key = true;
    } else if (token !== ":" && top?.key) {
      top.step = JSON.parse(token);
      top.key = false;
    }
  }
  // An object whose keys were not reached yet is meant itself.
  const steps = stack.map(({ step }) => step).filter((step) => step !== undefined);
  if (text[offset] === "[") steps.pop();
  return steps.map((step) => (typeof step === "number" ? `[${step}]` : `.${step}`)).join("").replace(/^\./, "");
}
