using Tempo.Engine.Parquet;

namespace Tempo.Parquet.Tests;

/// <summary>A sound file of one leaf 'v' and one row group, whose only data page is the test's own, header and body.</summary>
internal static class SinglePage
{
    public static ColumnReader Open(
        SchemaNode leaf, PageHeader header, ReadOnlySpan<byte> body, int rowCount, CompressionCodec codec = CompressionCodec.Uncompressed,
        long[]? dictionary = null)
    {
        var schema = new ParquetSchema("m", leaf);
        var sink = new MemoryStream();
        var writer = new ParquetFileWriter(sink, schema, new ParquetWriterOptions { DefaultColumn = new ColumnOptions { Codec = codec } });
        var chunk = writer.CreateColumn(schema.Columns[0]);
        if (dictionary is not null) chunk.WriteDictionary(dictionary);
        var thrift = new ThriftCompactWriter();
        header.Write(thrift);
        chunk.AppendEncodedPage([.. thrift.Written, .. body], rowCount);
        writer.BeginRowGroup(rowCount);
        writer.WriteColumn(chunk);
        writer.Finish();
        var reader = ParquetFileReader.Open(new MemoryParquetSource(sink.ToArray()));
        return reader.OpenColumn(0, reader.Schema.Columns[0]);
    }

    /// <summary>The values of a required leaf in an uncompressed version 1 page.</summary>
    public static ColumnData Read(SchemaNode leaf, PageEncoding encoding, ReadOnlySpan<byte> body, int rowCount)
    {
        var header = new PageHeader
        {
            Type = PageType.Data,
            ValueCount = rowCount,
            Encoding = encoding,
            UncompressedSizeBytes = body.Length,
            CompressedSizeBytes = body.Length,
        };
        var data = new ColumnData();
        Open(leaf, header, body, rowCount).Read(0, rowCount, data);
        return data;
    }
}
