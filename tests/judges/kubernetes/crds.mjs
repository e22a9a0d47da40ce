// Judges custom resources with the compiled validators of @kubernetes-models.
// Reads [{ module, document }] on stdin, writes [[reason, ...], ...] on stdout.
import { pathToFileURL } from "node:url";
import { readFileSync } from "node:fs";

/**
 * The validators ignore unknown fields and tell nobody which fields they know.
 * They do read every field they know, so a view that remembers what was read
 * shows the rest. An object of which nothing was read is free-form.
 */
function watch(root) {
  const seen = [];
  const views = new WeakMap();
  const view = (value, path) => {
    if (value === null || typeof value !== "object") return value;
    if (!views.has(value)) views.set(value, Array.isArray(value) ? list(value, path) : object(value, path));
    return views.get(value);
  };
  const child = (target, key, path) =>
    Object.hasOwn(target, key) ? view(target[key], `${path}.${key}`) : Reflect.get(target, key);
  const list = (value, path) => new Proxy(value, { get: (target, key) => child(target, String(key), path) });
  const object = (value, path) => {
    const read = new Set();
    seen.push({ value, path, read });
    return new Proxy(value, {
      get(target, key) {
        read.add(key);
        return child(target, key, path);
      },
    });
  };
  return { view: view(root, ""), seen };
}

function unread({ value, path, read }) {
  if (read.size === 0) return [];
  const reasons = [];
  for (const [key, field] of Object.entries(value)) {
    const place = `${path}.${key}`.slice(1);
    if (!read.has(key)) reasons.push(`${place}: unknown field`);
    // The validators let null pass where the API server asks for a value.
    else if (field === null) reasons.push(`${place}: null`);
  }
  return reasons;
}

function broken(kind, view) {
  try {
    kind.prototype.validate.call(view);
    return [];
  } catch (error) {
    if (!Array.isArray(error.errors)) throw error;
    return error.errors.map((found) => {
      const place = found.instancePath.slice(1).replaceAll("/", ".");
      return `${place || "document"}: ${found.message}`;
    });
  }
}

const verdicts = [];
for (const { module, document } of JSON.parse(readFileSync(0, "utf8"))) {
  const name = module.match(/([^/]+)\.js$/)[1];
  const { [name]: kind } = await import(pathToFileURL(module).href);
  const { view, seen } = watch(document);
  const reasons = broken(kind, view);
  verdicts.push([...reasons, ...seen.flatMap(unread)]);
}
process.stdout.write(JSON.stringify(verdicts));
