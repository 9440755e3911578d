// node read-duckdb.mjs <data.parquet>...: every span of the blocks, as DuckDB reads them.

import { DuckDBBlobValue, DuckDBInstance, DuckDBListValue, DuckDBStructValue } from '@duckdb/node-api';
import { print } from './facts.mjs';
import { spansOfBlock } from './trace-rows.mjs';

/** DuckDB's value objects as plain ones. */
function plain(value) {
  if (value instanceof DuckDBListValue) return value.items.map(plain);
  if (value instanceof DuckDBStructValue) return plainObject(value.entries);
  if (value instanceof DuckDBBlobValue) return value.bytes;
  return value;
}

const plainObject = (object) => Object.fromEntries(Object.entries(object).map(([key, value]) => [key, plain(value)]));

const connection = await (await DuckDBInstance.create(':memory:')).connect();
const spans = [];
for (const dataFile of process.argv.slice(2)) {
  const result = await connection.runAndReadAll('select * from read_parquet($1)', [dataFile]);
  spans.push(...spansOfBlock(result.getRowObjects().map(plainObject), dataFile));
}
print(spans);
