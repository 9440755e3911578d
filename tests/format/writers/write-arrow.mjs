// vParquet4 by arrow-rs (parquet-wasm): its own shredder, levels, encodings and pages.
import { writeFileSync } from 'node:fs'
import { Binary, Bool, Field, Float64, Int32, Int64, List, Map_, Struct, Table, Uint32, Uint64, Utf8, tableToIPC, vectorFromArray } from 'apache-arrow'
import * as parquet from 'parquet-wasm'
import { rows } from './rows.mjs'

const f = (name, type, nullable = false) => new Field(name, type, nullable)
const list = (name, ...fields) => f(name, new List(f('element', new Struct(fields))))
const leafList = (name, type) => f(name, new List(f('element', type)))
const opt = (name, type = new Utf8()) => f(name, type, true)
const text = name => f(name, new Utf8())
const attrs = () => list('Attrs', text('Key'), f('IsArray', new Bool()), leafList('Value', new Utf8()), leafList('ValueInt', new Int64()),
  leafList('ValueDouble', new Float64()), leafList('ValueBool', new Bool()), opt('ValueUnsupported'))
const int32 = name => f(name, new Int32())
const dedicated = () => f('DedicatedAttributes', new Struct(Array.from({ length: 10 }, (_, i) => opt(`String${String(i + 1).padStart(2, '0')}`))))
const dropped = () => int32('DroppedAttributesCount')
const fields = [
  f('TraceID', new Binary()), text('TraceIDText'), f('StartTimeUnixNano', new Uint64()), f('EndTimeUnixNano', new Uint64()), f('DurationNano', new Uint64()),
  text('RootServiceName'), text('RootSpanName'),
  f('ServiceStats', new Map_(f('key_value', new Struct([text('key'), f('value', new Struct([f('SpanCount', new Uint32()), f('ErrorCount', new Uint32())]))])))),
  list('rs',
    f('Resource', new Struct([attrs(), dropped(), text('ServiceName'), ...['Cluster', 'Namespace', 'Pod', 'Container', 'K8sClusterName', 'K8sNamespaceName', 'K8sPodName', 'K8sContainerName'].map(n => opt(n)), dedicated()])),
    list('ss', f('Scope', new Struct([text('Name'), text('Version'), attrs(), dropped()])),
      list('Spans', f('SpanID', new Binary()), f('ParentSpanID', new Binary()), int32('ParentID'), int32('NestedSetLeft'), int32('NestedSetRight'),
        text('Name'), f('Kind', new Int64()), text('TraceState'), f('StartTimeUnixNano', new Uint64()), f('DurationNano', new Uint64()), f('StatusCode', new Int64()), text('StatusMessage'),
        attrs(), dropped(), list('Events', f('TimeSinceStartNano', new Uint64()), text('Name'), attrs(), dropped()), int32('DroppedEventsCount'),
        list('Links', f('TraceID', new Binary()), f('SpanID', new Binary()), text('TraceState'), attrs(), dropped()), int32('DroppedLinksCount'),
        opt('HttpMethod'), opt('HttpUrl'), opt('HttpStatusCode', new Int64()), dedicated()))),
]

// The library names the entries of a map otherwise, and the name is the column's.
fields.find(field => field.name === 'ServiceStats').type.children[0].name = 'key_value'
const data = rows(process.argv[2])
const columns = Object.fromEntries(fields.map(field => [field.name, vectorFromArray(data.map(row => row[field.name]), field.type)]))
const table = new Table(new (await import('apache-arrow')).Schema(fields), columns)
const builder = () => new parquet.WriterPropertiesBuilder().setMaxRowGroupSize(3).setStatisticsEnabled(parquet.EnabledStatistics.None)
const styles = {
  'arrow-snappy-v1': builder().setWriterVersion(parquet.WriterVersion.V1).setCompression(parquet.Compression.SNAPPY),
  'arrow-plain-zstd-v2': builder().setWriterVersion(parquet.WriterVersion.V2).setCompression(parquet.Compression.ZSTD).setDictionaryEnabled(false),
}
for (const [name, properties] of Object.entries(styles)) {
  const file = parquet.writeParquet(parquet.Table.fromIPCStream(tableToIPC(table, 'stream')), properties.build())
  writeFileSync(`${process.argv[3]}/vParquet4.${name}.parquet`, file)
  console.log(name, file.length)
}
