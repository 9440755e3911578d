using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Parquet;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Blocks.Write;
using Tempo.Engine.Storage.Live;
using Tempo.Engine.Storage.Scan;
using Tempo.Otlp.Tests.Oracle;

namespace Tempo.Storage.Tests;

/// <summary>The columns of data.parquet as another reader sees them: levels and values worked out by hand.</summary>
public sealed class BlockLayoutTests
{
    private const string Span = "rs.ss.Spans.";

    /// <summary>
    /// <code>
    /// trace 1   resource a   scope x   span 1   n: [7, 8], s: "v"
    ///                                  span 2
    ///                        scope y   span 3   e: {}
    ///           resource b   scope x   span 4   two events, the second with an attribute
    /// trace 2   resource a   scope x   span 5   j: bytes
    /// </code>
    /// </summary>
    private static readonly ParquetFileReader File = Open(SmallTree(), new BlockWriterOptions());

    [Theory]
    [InlineData("TraceID", "", "")]
    [InlineData("ServiceStats.SpanCount", "010", "111")]
    [InlineData("rs.Resource.ServiceName", "010", "111")]
    [InlineData("rs.Resource.Attrs.Key", "010", "111")]
    [InlineData("rs.ss.Scope.Name", "0210", "2222")]
    [InlineData("rs.ss.SpanCount", "0210", "2222")]
    [InlineData(Span + "SpanID", "03210", "33333")]
    [InlineData(Span + "Attrs.Key", "043210", "443434")]
    [InlineData(Span + "Attrs.IsArray", "043210", "443434")]
    [InlineData(Span + "Attrs.Value", "043210", "453434")]
    [InlineData(Span + "Attrs.ValueInt", "0543210", "5543434")]
    [InlineData(Span + "Attrs.ValueUnsupported", "043210", "443435")]
    [InlineData(Span + "Events.Name", "032140", "333443")]
    [InlineData(Span + "Events.Attrs.Key", "032140", "333453")]
    [InlineData(Span + "Events.Attrs.ValueBool", "032140", "333463")]
    [InlineData(Span + "Links.TraceID", "03210", "33333")]
    public void Levels_of_a_small_tree(string path, string repetition, string definition)
    {
        var data = Read(File, path);
        Assert.Equal(repetition, string.Concat(data.RepetitionLevels.Take(repetition.Length)));
        Assert.Equal(definition, string.Concat(data.DefinitionLevels.Take(definition.Length)));
        Assert.Equal(repetition.Length == 0 ? 2 : repetition.Length, data.LevelCount);
    }

    [Fact]
    public void Trace_fields_are_those_of_the_whole_trace()
    {
        Assert.Equal(["1", "abc000000000000000002"], Texts(File, "TraceIDText"));
        Assert.Equal(["b", "a"], Texts(File, "RootServiceName"));
        Assert.Equal(["4", "5"], Texts(File, "RootSpanName"));
        Assert.Equal([1001, 1005], Read(File, "StartTimeUnixNano").Int64s.Take(2));
        Assert.Equal([1014, 1015], Read(File, "EndTimeUnixNano").Int64s.Take(2));
        Assert.Equal([13, 10], Read(File, "DurationNano").Int64s.Take(2));
        Assert.Equal(["a", "b", "a"], Texts(File, "ServiceStats.ServiceName"));
        Assert.Equal([3, 1, 1], Read(File, "ServiceStats.SpanCount").Int32s.Take(3));
        Assert.Equal([1, 0, 0], Read(File, "ServiceStats.ErrorCount").Int32s.Take(3));
        Assert.Equal([2, 1, 1, 1], Read(File, "rs.ss.SpanCount").Int32s.Take(4));
        Assert.Equal([-1, 1, 1, -1, -1], Read(File, Span + "ParentID").Int32s.Take(5));
        Assert.Equal([0, 8, 8, 0, 0], Read(File, Span + "ParentSpanID") is var parents
            ? parents.Codes.Take(5).Select(code => parents.Table[code].Length)
            : []);
        Assert.Equal(["""{"bytesValue":"AQI="}"""], Texts(File, Span + "Attrs.ValueUnsupported"));
    }

    /// <summary>Intervals are open on the left and closed on the right: a span on a full minute belongs to the minute before.</summary>
    [Fact]
    public void Rounded_starts_number_intervals_that_are_closed_on_the_right()
    {
        const ulong Second = 1_000_000_000;
        ulong[] starts = [1, 15 * Second - 1, 15 * Second, 15 * Second + 1, 60 * Second, 3600 * Second, 3600 * Second + 1];
        var file = Open(
            [Spans.Of("s", "l", [.. starts.Select(static (start, i) => Spans.New((ulong)i + 1, start: start))])], new BlockWriterOptions());
        foreach (var step in new[] { 15, 60, 300, 3600 })
        {
            var expected = starts.Select(start => (int)Math.Ceiling(start / (decimal)((ulong)step * Second)) - 1);
            Assert.Equal(expected, Read(file, $"{Span}StartTimeRounded{step}").Int32s.Take(starts.Length));
        }

        var zero = Spans.New(1);
        zero.StartTimeUnixNano = 0;
        Assert.Equal(0, Read(Open([Spans.Of("s", "l", zero)], new BlockWriterOptions()), Span + "StartTimeRounded15").Int32s[0]);
    }

    /// <summary>Pages and row groups end by what spans carry, too, so that no page outgrows what a reader takes.</summary>
    [Fact]
    public void Pages_end_by_text_and_by_entries_and_row_groups_by_distinct_text()
    {
        var spans = Enumerable.Range(1, 40).Select(static i =>
        {
            var span = Spans.New((ulong)i, trace: new TraceId(0, (ulong)i));
            span.Attributes.Add(Spans.Text("k", new string((char)('0' + i), 1000)));
            return span;
        });
        ResourceSpans[] request = [Spans.Of("s", "l", [.. spans])];

        Assert.Equal(1, Pages(Open(request, new BlockWriterOptions())));
        Assert.Equal(10, Pages(Open(request, new BlockWriterOptions { PageTextBytes = 4000 })));
        Assert.Equal(20, Pages(Open(request, new BlockWriterOptions { PageEntries = 2 })));
        var grouped = Open(request, new BlockWriterOptions { PageTextBytes = 4000, RowGroupDictionaryBytes = 8000 });
        Assert.Equal((5, 8L), (grouped.RowGroups.Count, grouped.RowGroups[0].RowCount));

        static int Pages(ParquetFileReader file) => file.OpenColumn(0, file.Schema.GetColumn(Span + "Name")).PageCount;
    }

    /// <summary>
    /// A dictionary of texts that come once saves nothing, and every reader loads all of it: such texts are stored themselves from
    /// the page on where that is seen, until the row group ends.
    /// </summary>
    [Theory]
    [InlineData(1600, false)] // all others
    [InlineData(400, true)] // each four times
    public void Large_texts_that_come_once_have_no_dictionary(int distinct, bool hasDictionary)
    {
        var random = new Random(7);
        string[] texts = [.. Enumerable.Range(0, distinct).Select(_ => random.GetHexString(2000))];
        var spans = Enumerable.Range(0, 1600).Select(i =>
        {
            var span = Spans.New((ulong)i + 1, trace: new TraceId(0, (ulong)i + 1));
            span.Attributes.Add(Spans.Text("k", texts[i % distinct]));
            return span;
        });
        var file = Open([Spans.Of("s", "l", [.. spans])], new BlockWriterOptions { PageSpans = 800, RowGroupSpans = 1600 });
        var values = file.RowGroups[0].Columns[file.Schema.GetColumn(Span + "Attrs.Value").Index];
        Assert.Equal(hasDictionary, values.DictionaryPageOffset > 0);
        Assert.Equal(Enumerable.Range(0, 1600).Select(i => texts[i % distinct]), Texts(file, Span + "Attrs.Value"));
        // What is small keeps its dictionary, however often it comes.
        Assert.True(file.RowGroups[0].Columns[file.Schema.GetColumn(Span + "Name").Index].DictionaryPageOffset > 0);
    }

    /// <summary>Rules that other readers depend on (parquet-freedom.md §7).</summary>
    [Fact]
    public void ParentID_has_no_dictionary_and_Key_always_has_one()
    {
        var columns = File.RowGroups[0].Columns;
        foreach (var column in File.Schema.Columns)
        {
            var isDictionary = columns[column.Index].DictionaryPageOffset > 0;
            if (column.Path == Span + "ParentID") Assert.False(isDictionary);
            if (column.Path == Span + "Attrs.Key") Assert.True(isDictionary);
        }
    }

    private static ResourceSpans[] SmallTree()
    {
        TraceId one = new(0, 1), two = new(0xabc00, 2);
        var first = Spans.New(1, trace: one);
        first.Attributes.Add(
            new KeyValue
            {
                Key = "n",
                Value = new AnyValue
                {
                    ArrayValue = new ArrayValue { Values = { new AnyValue { IntValue = 7 }, new AnyValue { IntValue = 8 } } }
                }
            });
        first.Attributes.Add(Spans.Text("s", "v"));
        var third = Spans.New(3, 1, trace: one);
        third.Status = new Status { Code = 2 };
        third.Attributes.Add(new KeyValue { Key = "e", Value = new AnyValue { ArrayValue = new ArrayValue() } });
        var fourth = Spans.New(4, trace: one);
        fourth.Events.Add(new Event { Name = "x", TimeUnixNano = 1004 });
        fourth.Events.Add(new Event
        {
            Name = "y",
            TimeUnixNano = 1004,
            Attributes = { new KeyValue { Key = "k", Value = new AnyValue { BoolValue = true } } }
        });
        var fifth = Spans.New(5, trace: two);
        fifth.Attributes.Add(new KeyValue { Key = "j", Value = new AnyValue { BytesValue = Google.Protobuf.ByteString.CopyFrom(1, 2) } });
        return [Spans.Of("a", "x", first, Spans.New(2, 1, trace: one)), Spans.Of("a", "y", third), Spans.Of("b", "x", fourth),
            Spans.Of("a", "x", fifth)];
    }

    private static ParquetFileReader Open(ResourceSpans[] resourceSpans, BlockWriterOptions options)
    {
        var block = MemoryBlock.Write(options, [Spans.View(Spans.Append(Spans.Request(resourceSpans)))]);
        return ParquetFileReader.Open(new MemoryParquetSource(block.Data), block.Content.FooterSizeBytes);
    }

    private static ColumnData Read(ParquetFileReader file, string path)
    {
        var data = new ColumnData();
        file.OpenColumn(0, file.Schema.GetColumn(path)).Read(0, (int)file.RowGroups[0].RowCount, data);
        return data;
    }

    private static string[] Texts(ParquetFileReader file, string path)
    {
        var data = Read(file, path);
        return [.. data.Codes.Take(data.ValueCount).Select(code => Encoding.UTF8.GetString(data.Table[code]))];
    }
}
