// vParquet4 by hyparquet-writer: a third shredder, in JavaScript.
import { readFileSync, writeFileSync } from 'node:fs'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { rows } from './rows.mjs'

// The list of leaves as tests/format has it, as schema elements.
const lines = readFileSync(process.argv[3], 'utf8').split('\n').filter(line => line)
const kinds = { bytes: { type: 'BYTE_ARRAY' }, text: { type: 'BYTE_ARRAY', converted_type: 'UTF8' }, u64: { type: 'INT64', converted_type: 'UINT_64' }, i64: { type: 'INT64', converted_type: 'INT_64' },
  u32: { type: 'INT32', converted_type: 'UINT_32' }, i32: { type: 'INT32', converted_type: 'INT_32' }, double: { type: 'DOUBLE' }, bool: { type: 'BOOLEAN' } }
const parse = depth => {
  const nodes = []
  while (lines.length && lines[0].search(/\S/) === depth * 2) {
    const [name, kind, ...words] = lines.shift().trim().split(' ')
    nodes.push({ name, kind, words, children: parse(depth + 1) })
  }
  return nodes
}
const top = parse(0)
const parts = Object.fromEntries(top.filter(n => n.name[0] === '@').map(n => [n.name, n.children]))
const elements = node => {
  const { name, kind, words } = node
  const children = (words[0]?.[0] === '@' ? parts[words[0]] : node.children)
  const inner = children.flatMap(elements)
  const required = { repetition_type: 'REQUIRED' }
  const repeated = { name: 'list', repetition_type: 'REPEATED', num_children: 1 }
  if (kind === 'group') return [{ name, ...required, num_children: children.length }, ...inner]
  if (kind === 'list') return [{ name, ...required, num_children: 1, converted_type: 'LIST' }, repeated, { name: 'element', ...required, num_children: children.length }, ...inner]
  if (kind === 'map') return [{ name, ...required, num_children: 1, converted_type: 'MAP' }, { name: 'key_value', repetition_type: 'REPEATED', num_children: children.length }, ...inner]
  if (kind.endsWith('[]')) return [{ name, ...required, num_children: 1, converted_type: 'LIST' }, repeated, { name: 'element', ...required, ...kinds[kind.slice(0, -2)] }]
  return [{ name, repetition_type: kind.endsWith('?') ? 'OPTIONAL' : 'REQUIRED', ...kinds[kind.replace('?', '')] }]
}
const columns = top.filter(n => n.name[0] !== '@')
const schema = [{ name: 'Trace', num_children: columns.length }, ...columns.flatMap(elements)]
const data = rows(process.argv[2])
const columnData = columns.map(({ name }) => ({ name, data: data.map(row => row[name]), nullable: false, statistics: false, offsetIndex: false }))
const file = new Uint8Array(parquetWriteBuffer({ columnData, schema, codec: 'SNAPPY', rowGroupSize: 3, createdBy: 'hyparquet-writer' }))
writeFileSync(`${process.argv[4]}/vParquet4.hyparquet-snappy.parquet`, file)
console.log('hyparquet-snappy', file.length)
