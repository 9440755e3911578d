// node read-hyparquet.mjs <data.parquet>...: every span of the blocks, as hyparquet reads them.

import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { print } from './facts.mjs';
import { spansOfBlock } from './trace-rows.mjs';

const spans = [];
for (const dataFile of process.argv.slice(2)) {
  // utf8: false leaves byte arrays that are not annotated as text (the ids) alone.
  const rows = await parquetReadObjects({ file: await asyncBufferFromFile(dataFile), compressors, utf8: false });
  spans.push(...spansOfBlock(rows, dataFile));
}
print(spans);
