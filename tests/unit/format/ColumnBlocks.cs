using Google.Protobuf;
using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Blocks.Versions;
using Tempo.Engine.Storage.Blocks.Write;
using Tempo.Engine.Storage.Live;
using Tempo.Engine.Storage.Scan;
using Tempo.Otlp.Tests.Oracle;
using Tempo.Storage.Tests;

namespace Tempo.Format.Tests;

/// <summary>
/// Blocks in which each column comes to each of its encodings: random traces, texts that come once, more different numbers than a
/// dictionary takes, a trace of more spans than that.
/// </summary>
internal static class ColumnBlocks
{
    private const int Texts = 1200, TextBytes = 2000;

    // Beyond the 65,536 entries of a dictionary of numbers, by more than the page in which that is noticed.
    private const int Numbers = 90_000;

    /// <summary>What is written of a version; the large ones only once, since the code is the same.</summary>
    public static string[] Names(string version) =>
        version == BlockVersion.Default.Name ? ["random", "texts", "numbers", "tree"] : ["random", "texts"];

    /// <summary>data.parquet of the block; the random one's row groups of 200 spans have pages of so many.</summary>
    public static byte[] Write(string name, string version, int pageSpans = 60)
    {
        var layout = new BlockWriterOptions
        {
            Version = BlockVersion.Get(version),
            DedicatedColumns = TestColumns.Some,
            PageTextBytes = long.MaxValue,
            PageEntries = long.MaxValue,
            RowGroupDictionaryBytes = long.MaxValue
        };
        layout = name switch
        {
            "random" => layout with { RowGroupSpans = 200, PageSpans = pageSpans },
            "texts" => layout with { PageSpans = Texts / 2 },
            _ => layout with { RowGroupSpans = 2 * Numbers },
        };
        return MemoryBlock.Write(layout, [View(name)]).Data;
    }

    private static LiveBatchView View(string name)
    {
        var batch = new LiveBatch();
        switch (name)
        {
            case "random":
                var requests = new RandomRequests(9, traceCount: 100);
                for (var i = 0; i < 200; i++) batch.Append(requests.Next(), 64);
                break;
            case "texts":
                for (var i = 0; i < Texts; i++) batch.Append(Spans.Request(Texted(new Random(i))), 1 << 20);
                break;
            case "numbers":
                for (var i = 0; i < Numbers; i++) batch.Append(Spans.Request(Numbered(i)), 64);
                break;
            default:
                batch.Append(Spans.Request(
                    Spans.Of("s", "l", [.. Enumerable.Range(1, Numbers).Select(static i => Spans.New((ulong)i, i == 1 ? 0u : 1u))])), 64);
                break;
        }

        return Spans.View(batch);
    }

    private static ResourceSpans Texted(Random random)
    {
        string Text() => random.GetHexString(TextBytes);
        KeyValue Bytes(string key) => new() { Key = key, Value = new AnyValue { BytesValue = ByteString.CopyFromUtf8(Text()) } };
        KeyValue[] Attributes(params string[] keys) => [.. keys.Select(key => Spans.Text(key, Text())), Bytes("bytes")];
        var span = Spans.New(1, trace: new TraceId((ulong)random.NextInt64(), 1));
        span.Name = Text();
        span.TraceState = Text();
        span.Status = new Status { Message = Text() };
        span.Attributes.Add(Attributes("some", "http.method", "http.url", "db.statement", "service.name"));
        span.Events.Add(new Event { Name = Text(), TimeUnixNano = span.StartTimeUnixNano, Attributes = { Attributes("some", "msg") } });
        span.Links.Add(new Link { TraceState = Text(), TraceId = span.TraceId, SpanId = span.SpanId, Attributes = { Attributes("some") } });
        var spans = Spans.Of(Text(), Text(), span);
        spans.Resource.Attributes.Add(Attributes(
            "some", "cluster", "namespace", "pod", "container", "k8s.cluster.name", "k8s.namespace.name", "k8s.pod.name",
            "k8s.container.name"));
        spans.ScopeSpans[0].Scope.Version = Text();
        spans.ScopeSpans[0].Scope.Attributes.Add(Attributes("some"));
        return spans;
    }

    // Other numbers of everything in each trace; of attributes some in equal steps, and "some" of all bits, which differences make no
    // smaller.
    private static ResourceSpans Numbered(int number)
    {
        // Neighbours of a random sequence that was begun with neighbours are not unlike enough.
        var any = System.Buffers.Binary.BinaryPrimitives.ReadInt64LittleEndian(
            System.Security.Cryptography.SHA256.HashData(BitConverter.GetBytes(number)));
        KeyValue[] Attributes(params string[] keys) =>
            [.. keys.Select(key => new KeyValue { Key = key, Value = new AnyValue { IntValue = key == "some" ? any : number * 7919L } })];
        var span = Spans.New(1, start: (ulong)number * 3600_000_000_000 + 1, trace: new TraceId((ulong)number, 1));
        var dropped = (uint)number;
        (span.DroppedAttributesCount, span.DroppedEventsCount, span.DroppedLinksCount) = (dropped, dropped, dropped);
        span.Attributes.Add(Attributes("some", "http.status_code"));
        span.Events.Add(new Event
        {
            TimeUnixNano = span.StartTimeUnixNano,
            DroppedAttributesCount = dropped,
            Attributes = { Attributes("some", "a") }
        });
        span.Links.Add(new Link
        {
            TraceId = span.TraceId,
            SpanId = span.SpanId,
            DroppedAttributesCount = dropped,
            Attributes = { Attributes("some") }
        });
        var spans = Spans.Of("s", "l", span);
        spans.Resource.Attributes.Add(Attributes("some", "a"));
        spans.Resource.DroppedAttributesCount = spans.ScopeSpans[0].Scope.DroppedAttributesCount = dropped;
        spans.ScopeSpans[0].Scope.Attributes.Add(Attributes("some"));
        return spans;
    }
}
