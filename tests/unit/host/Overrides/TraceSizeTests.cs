using System.Buffers;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.Node.Overrides;
using Tempo.Engine.Otlp.Fields;
using Tempo.Engine.Otlp.Wire;
using Tempo.Engine.Storage.Scan;
using Tempo.Host.Http;
using Tempo.Host.Tests.Testing;
using Xunit;

namespace Tempo.Host.Tests.Overrides;

/// <summary><c>max_bytes_per_trace</c> from both sides: what was accepted below it can be read whole.</summary>
public sealed class TraceSizeTests : IDisposable
{
    private const int NoEnd = 0, EmptyAttributes = 1, EmptyLinks = 2, BadText = 3, CutKeys = 4;
    private static readonly TraceId Id = new(3, 4);
    private static readonly byte[] Dropped = [0xff, 0x80, 0xc3];
    private readonly string _folder = Directory.CreateTempSubdirectory("tempo-trace-size-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>
    /// Spans of which what is kept is larger than what came, of one kind or (-1) of all; the trace is full to the last span.
    /// </summary>
    [Theory]
    [InlineData(NoEnd)]
    [InlineData(EmptyAttributes)]
    [InlineData(EmptyLinks)]
    [InlineData(BadText)]
    [InlineData(CutKeys)]
    [InlineData(-1)]
    public async Task What_was_accepted_is_read_whole(int kind)
    {
        const int seed = 5;
        var random = new Random(seed);
        long limit = random.Next(20_000, 200_000);
        await using var node = await StartAsync(limit);
        var accepted = 0;
        for (int request = 0, refused = 0; refused < 20; request++)
        {
            using var bytes = new NativeBuffer();
            var count = WriteRandom(bytes, random, request, refused == 0 ? random.Next(1, 20) : 1, kind);
            var outcome = await node.IngestAsync(TenantId.Single, bytes);
            Assert.Equal((IngestStatus.Accepted, count), (outcome.Status, outcome.AcceptedSpans + outcome.RejectedSpans));
            accepted += outcome.AcceptedSpans;
            refused += outcome.RejectedSpans > 0 ? 1 : 0;
        }

        var spans = await ReadAsync(node, limit);
        Assert.True(accepted == spans, $"seed {seed}: {accepted} accepted, {spans} read");
    }

    /// <summary>The resource is most of the trace, and stands in each part.</summary>
    [Fact]
    public async Task A_large_resource_does_not_make_an_answer_of_resources()
    {
        const long limit = 7_000_000;
        await using var node = await StartAsync(limit);
        using var request = new NativeBuffer();
        var writer = new ProtobufWriter(request);
        var resourceSpans = writer.BeginMessage(TracesDataTag.ResourceSpans);
        var resource = writer.BeginMessage(ResourceSpansTag.Resource);
        for (var i = 0; i < 1600; i++)
            WriteAttribute(writer, ResourceTag.Attributes, System.Text.Encoding.ASCII.GetBytes($"k{i}"), new byte[2048].AsSpan());
        writer.EndMessage(resource);
        var scopeSpans = writer.BeginMessage(ResourceSpansTag.ScopeSpans);
        for (ulong id = 1; id <= 3000; id++)
        {
            var span = BeginSpan(writer, id);
            writer.WriteBytes(SpanTag.Name, new byte[1000]);
            writer.EndMessage(span);
        }

        writer.EndMessage(scopeSpans);
        writer.EndMessage(resourceSpans);
        Assert.Equal(3000, (await node.IngestAsync(TenantId.Single, request)).AcceptedSpans);
        using var reading = await node.ReadTraceAsync(TenantId.Single, Id, 0, 0, default);
        using var body = new TraceByIdBody(reading.Trace, limit);
        var output = new ArrayBufferWriter<byte>();
        while (body.WriteProtobufV1(output))
        {
        }

        Assert.False(body.IsTooLarge);
        Assert.InRange(output.WrittenCount, 6_000_000, 3 * limit);
    }

    /// <summary>
    /// What is larger than the limit is cut, whatever the reason: a limit that was set later, a trace whose size was forgotten.
    /// </summary>
    [Fact]
    public void Beyond_the_limit_is_passed()
    {
        using var bytes = new NativeBuffer();
        WriteRandom(bytes, new Random(1), 0, spans: 10, BadText);
        var size = new TraceSizeLimit(1);
        size.Add(bytes.Written);
        Assert.True(size.IsPassed);

        // Resources do not count, up to a point.
        var bare = new TraceSizeLimit(100);
        bare.Add(Resource(300));
        Assert.False(bare.IsPassed);
        bare.Add(Resource(300));
        Assert.True(bare.IsPassed);
    }

    /// <summary>Tempo cuts attributes before it looks at sizes.</summary>
    [Theory]
    [InlineData(false, SpanTag.Attributes)]
    [InlineData(true, SpanTag.Attributes)]
    [InlineData(false, ResourceTag.Attributes)]
    public async Task An_attribute_that_is_cut_counts_as_cut(bool isKey, uint tag)
    {
        await using var node = await StartAsync(limit: 6000);
        using var request = new NativeBuffer();
        var writer = new ProtobufWriter(request);
        var resourceSpans = writer.BeginMessage(TracesDataTag.ResourceSpans);
        var resource = writer.BeginMessage(ResourceSpansTag.Resource);
        if (tag == ResourceTag.Attributes) WriteLarge();
        writer.EndMessage(resource);
        var scopeSpans = writer.BeginMessage(ResourceSpansTag.ScopeSpans);
        var span = BeginSpan(writer, 1);
        if (tag == SpanTag.Attributes) WriteLarge();
        writer.EndMessage(span);
        writer.EndMessage(scopeSpans);
        writer.EndMessage(resourceSpans);
        var outcome = await node.IngestAsync(TenantId.Single, request);
        Assert.Equal((1, 0), (outcome.AcceptedSpans, outcome.RejectedSpans));
        Assert.Contains("1 attribute keys or values were cut to 2048 bytes", outcome.Message, StringComparison.Ordinal);
        Assert.Equal(1, await ReadAsync(node, 6000));

        void WriteLarge()
        {
            var large = new byte[10_000_000];
            large.AsSpan().Fill((byte)'x');
            WriteAttribute(writer, tag, isKey ? large : "k"u8, isKey ? "v"u8 : large);
        }
    }

    /// <summary>Each resource around the spans of a trace is part of it, not only the first of a request.</summary>
    [Fact]
    public async Task Every_resource_of_a_run_counts()
    {
        await using var node = await StartAsync(limit: 10_000);
        using var request = new NativeBuffer();
        for (ulong id = 1; id <= 20; id++)
        {
            var writer = new ProtobufWriter(request);
            var resourceSpans = writer.BeginMessage(TracesDataTag.ResourceSpans);
            var resource = writer.BeginMessage(ResourceSpansTag.Resource);
            WriteAttribute(writer, ResourceTag.Attributes, "k"u8, new byte[1000]);
            writer.EndMessage(resource);
            var scopeSpans = writer.BeginMessage(ResourceSpansTag.ScopeSpans);
            writer.EndMessage(BeginSpan(writer, id));
            writer.EndMessage(scopeSpans);
            writer.EndMessage(resourceSpans);
        }

        var outcome = await node.IngestAsync(TenantId.Single, request);
        Assert.Equal((0, 20), (outcome.AcceptedSpans, outcome.RejectedSpans));
        Assert.StartsWith("TRACE_TOO_LARGE: 20 spans refused", outcome.Message, StringComparison.Ordinal);
    }

    private static async Task<int> ReadAsync(TempoNode node, long limit)
    {
        using var reading = await node.ReadTraceAsync(TenantId.Single, Id, 0, 0, default);
        using var body = new TraceByIdBody(reading.Trace, limit);
        var output = new ArrayBufferWriter<byte>();
        while (body.WriteProtobufV1(output))
        {
        }

        Assert.Equal("", body.Message);
        return TestTraces.Read(output.WrittenSpan.ToArray()).Count;
    }

    // Without a resource: what counts on one side only would make up for what counts on the other.
    private static int WriteRandom(NativeBuffer request, Random random, int number, int spans, int kind)
    {
        var writer = new ProtobufWriter(request);
        var resourceSpans = writer.BeginMessage(TracesDataTag.ResourceSpans);
        var scopeSpans = writer.BeginMessage(ResourceSpansTag.ScopeSpans);
        for (var i = 1; i <= spans; i++) WriteRandomSpan(writer, random, (ulong)(number * 100 + i), kind);
        writer.EndMessage(scopeSpans);
        writer.EndMessage(resourceSpans);
        return spans;
    }

    private static void WriteRandomSpan(ProtobufWriter writer, Random random, ulong id, int kind)
    {
        var span = BeginSpan(writer, id);
        for (var i = random.Next(0, 30); i > 0; i--)
        {
            switch (kind < 0 ? random.Next(5) : kind)
            {
                case NoEnd:
                    // The end that is kept is the start.
                    writer.WriteFixed64(SpanTag.StartTimeUnixNano, 1_795_221_253_000_000_000);
                    i = 0;
                    break;
                case EmptyAttributes:
                    writer.EndMessage(writer.BeginMessage(SpanTag.Attributes));
                    break;
                case EmptyLinks:
                    writer.EndMessage(writer.BeginMessage(SpanTag.Links));
                    break;
                case BadText:
                    WriteAttribute(
                        writer, SpanTag.Attributes, "bad"u8, Enumerable.Range(0, random.Next(3000)).Select(n => Dropped[n % 3]).ToArray());
                    break;
                case CutKeys:
                    WriteAttribute(writer, SpanTag.Attributes, new byte[random.Next(2040, 2060)], "v"u8);
                    break;
            }
        }

        writer.EndMessage(span);
    }

    private static int BeginSpan(ProtobufWriter writer, ulong id)
    {
        Span<byte> bytes = stackalloc byte[TraceId.SizeBytes];
        var span = writer.BeginMessage(ScopeSpansTag.Spans);
        Id.Write(bytes);
        writer.WriteBytes(SpanTag.TraceId, bytes);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt64BigEndian(bytes, id);
        writer.WriteBytes(SpanTag.SpanId, bytes[..SpanId.SizeBytes]);
        return span;
    }

    private static void WriteAttribute(ProtobufWriter writer, uint tag, ReadOnlySpan<byte> key, ReadOnlySpan<byte> text)
    {
        var pair = writer.BeginMessage(tag);
        writer.WriteBytes(KeyValueTag.Key, key);
        var value = writer.BeginMessage(KeyValueTag.Value);
        writer.WriteBytes(AnyValueTag.StringValue, text);
        writer.EndMessage(value);
        writer.EndMessage(pair);
    }

    private static byte[] Resource(int bytes)
    {
        using var buffer = new NativeBuffer();
        var writer = new ProtobufWriter(buffer);
        var resourceSpans = writer.BeginMessage(TracesDataTag.ResourceSpans);
        writer.WriteBytes(ResourceSpansTag.Resource, new byte[bytes]);
        writer.EndMessage(resourceSpans);
        return buffer.Written.ToArray();
    }

    private Task<TempoNode> StartAsync(long limit) => TempoNode.StartAsync(
        new NodeOptions
        {
            WalPath = Path.Combine(_folder, "wal"),
            BlocksPath = Path.Combine(_folder, "blocks"),
            Overrides = new TenantOverrides(TenantLimits.BuiltIn with { Global = new GlobalLimits { MaxBytesPerTrace = limit } }),
        },
        new MetricRegistry(), Log.Null, TimeProvider.System);
}
