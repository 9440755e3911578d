using Tempo.Engine.Parquet;
using Xunit;

namespace Tempo.Parquet.Tests;

public sealed class ReadAllocationTests
{
    [Fact]
    public void A_warm_read_allocates_nothing_per_page_or_value()
    {
        const int Pages = 20;
        const int RowsPerPage = 5000;
        var schema = new ParquetSchema("m", SchemaNode.Text("t"));
        var sink = new MemoryStream();
        var writer = new ParquetFileWriter(sink, schema);
        var chunk = writer.CreateColumn(schema.Columns[0]);
        var values = new byte[RowsPerPage * 8];
        new Random(1).NextBytes(values);
        for (var page = 0; page < Pages; page++)
            chunk.WriteDeltaLength(PageLevels.Flat(RowsPerPage), ByteArrayValues.FixedWidth(values, 8));
        writer.BeginRowGroup(Pages * RowsPerPage);
        writer.WriteColumn(chunk);
        writer.Finish();
        var column = ParquetFileReader.Open(new MemoryParquetSource(sink.ToArray())).OpenColumn(0, schema.Columns[0]);
        var data = new ColumnData();
        // The least of several, as a collection beside this test may empty the array pool.
        var allocated = long.MaxValue;
        for (var round = 0; round < 20; round++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            column.Read(0, Pages * RowsPerPage, data);
            allocated = Math.Min(allocated, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        // The window of the read is one small object; 20 pages and 100,000 values add nothing to it.
        Assert.InRange(allocated, 0, 200);
    }
}
