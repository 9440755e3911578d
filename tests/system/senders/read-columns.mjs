// node read-columns.mjs <reader> <data.parquet> <leaves.json>: of each leaf of the file, all its values row by row, as DuckDB, hyparquet or
// arrow-rs reads them, as one SHA-256. leaves.json: [{ "name", "path": [field, …], "type": "bytes" | "int" | "double" | "bool" }, …], the
// path without the groups that only say "list". A row's values are joined by ',', rows are ended by ';', bytes and text are hexadecimal, a
// double is the hexadecimal digits of its bits.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

const [reader, dataFile, leavesFile] = process.argv.slice(2);

async function rowsOf() {
  if (reader === 'hyparquet') {
    const { asyncBufferFromFile, parquetReadObjects } = await import('hyparquet');
    const { compressors } = await import('hyparquet-compressors');
    return parquetReadObjects({ file: await asyncBufferFromFile(dataFile), compressors, utf8: false });
  }
  if (reader === 'duckdb') {
    const { DuckDBInstance } = await import('@duckdb/node-api');
    const connection = await (await DuckDBInstance.create(':memory:')).connect();
    return (await connection.runAndReadAll('select * from read_parquet($1)', [dataFile])).getRowObjects();
  }
  const { readParquet } = await import('parquet-wasm');
  const { tableFromIPC } = await import('apache-arrow');
  return tableFromIPC(readParquet(readFileSync(dataFile)).intoIPCStream());
}

/** A field of a reader's struct. */
const fieldOf = (struct, name) => struct.entries && typeof struct.entries === 'object' ? struct.entries[name] : struct[name];

/** What a reader made of a list: an array, DuckDB's list, or Arrow's vector; null: it is none. */
function itemsOf(value) {
  if (Array.isArray(value)) return value;
  if (value instanceof Uint8Array || typeof value === 'string') return null;
  if (Array.isArray(value.items)) return value.items;
  return typeof value.toArray === 'function' && typeof value.get === 'function' && 'length' in value ? [...value] : null;
}

/** A map as a list of { key, value }. */
function entriesOf(map) {
  if (Array.isArray(map)) return map;
  if (Array.isArray(map.entries)) return map.entries;
  if (typeof map[Symbol.iterator] === 'function') return [...map].map(([key, value]) => ({ key, value }));
  return Object.entries(map).map(([key, value]) => ({ key, value }));
}

const scratch = Buffer.alloc(8);

function textOf(value, type) {
  if (type === 'bool') return value ? '1' : '0';
  if (type === 'int') return String(value);
  if (type === 'double' && Number.isNaN(value)) return 'NaN';
  if (type === 'double') { scratch.writeDoubleBE(value); return scratch.toString('hex'); }
  return Buffer.from(value.bytes ?? value, typeof value === 'string' ? 'utf8' : undefined).toString('hex');
}

function collect(value, leaf, depth, found) {
  if (value === null || value === undefined) return;
  const items = depth < leaf.path.length && leaf.path[depth] === 'key_value' ? entriesOf(value) : itemsOf(value);
  if (items) {
    const next = leaf.path[depth] === 'key_value' ? depth + 1 : depth;
    for (const item of items) collect(item, leaf, next, found);
  } else if (depth === leaf.path.length) found.push(textOf(value, leaf.type));
  else collect(fieldOf(value, leaf.path[depth]), leaf, depth + 1, found);
}

const leaves = JSON.parse(readFileSync(leavesFile, 'utf8')).map((leaf) => ({ ...leaf, hash: createHash('sha256'), count: 0 }));
for (const row of await rowsOf()) {
  for (const leaf of leaves) {
    const found = [];
    collect(row, leaf, 0, found);
    leaf.hash.update(found.join(',') + ';');
    leaf.count += found.length;
  }
}
process.stdout.write(JSON.stringify(Object.fromEntries(leaves.map(({ name, count, hash }) => [name, { count, sha256: hash.digest('hex') }]))));
