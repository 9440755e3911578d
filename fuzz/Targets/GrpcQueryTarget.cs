using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp.Wire;
using Tempo.Engine.TraceQL;
using Tempo.Host.Config;
using Tempo.Host.Foreign;
using Tempo.Host.Grpc;
using Tempo.Host.Grpc.Jaeger;
using Tempo.Host.Grpc.Querier;
using Tempo.Host.Grpc.Reflection;
using Tempo.Host.Http;

namespace Tempo.Fuzz.Targets;

/// <summary>
/// A request message of the gRPC query API. Holds: every message has an answer; a search that is read means the same when it
/// is written down and read again; what a client compares with can be anything and is still one query; a reflection answer
/// repeats its question.
/// </summary>
internal sealed class GrpcQueryTarget : IFuzzTarget
{
    private static readonly DateTimeOffset Now = DateTimeOffset.FromUnixTimeSeconds(1_795_221_253);
    private static readonly ReflectionMethod Reflection = new("v1", new Lazy<ServerSchema>(ServerSchema.Load), static () => []);

    public string Name => "grpc-query";

    public IReadOnlyList<byte[]> Dictionary =>
        [.. ProtobufDictionary.Tokens, [0x42, 2, (byte)'{', (byte)'}'], [0x0A, 6, 0x0A, 1, (byte)'k', 0x12, 1, (byte)'v'],
            [0x1A, 6, 0x0A, 1, (byte)'"', 0x12, 1, (byte)'\\'], [0x3A, 0], [0x20, 1]];

    public void Run(ReadOnlySpan<byte> input)
    {
        if (SearchMessage.TryRead(input, out var search, out _))
        {
            Oracle.Holds(SearchMessage.TryRead(Write(search), out var again, out _), "what was read can be read again");
            Oracle.Holds(again with { Tags = [] } == search with { Tags = [] } && again.Tags.SequenceEqual(search.Tags),
                "a search means the same when it is read again");
            SearchParameters.TryCreate(search, new SearchLimits(), Now, out _, out _);
        }

        TagMessage.TryReadNames(input, out _, out _);
        TagMessage.TryReadValues(input, out _, out _);
        MetricsMessages.TryReadRange(input, out _, out _);
        MetricsMessages.TryReadInstant(input, out _, out _);
        if (FindTracesMessage.TryRead(input, new SearchLimits(), Now, out var find, out _)) HoldsOneQuery(find.Spans);
        HoldsRepeatedQuestion(input);
    }

    private static void HoldsOneQuery(SpanQuery spans)
    {
        var isQuery = TraceQlParser.TryParse(spans.ToString(), out _, out var error, maxLengthBytes: int.MaxValue);
        Oracle.Holds(isQuery, $"conditions of any texts are a query: {error?.Message} in {spans}");
    }

    private static void HoldsRepeatedQuestion(ReadOnlySpan<byte> input)
    {
        var reader = new ProtobufReader(Reflection.Answer(input));
        Oracle.Holds(reader.TryReadTag(out var tag) && tag == (2 << WireType.NumberShift | WireType.LengthDelimited),
            "the answer begins with the question");
        Oracle.Holds(reader.TryReadBytes(out var question) && question.SequenceEqual(input), "the question is repeated as it was");
    }

    private static ReadOnlySpan<byte> Write(SearchInput search)
    {
        using var buffer = new NativeBuffer();
        var writer = new ProtobufWriter(buffer);
        foreach (var (key, value) in search.Tags)
        {
            var entry = writer.BeginMessage(1 << WireType.NumberShift | WireType.LengthDelimited);
            writer.WriteText(1 << WireType.NumberShift | WireType.LengthDelimited, key);
            writer.WriteText(2 << WireType.NumberShift | WireType.LengthDelimited, value!);
            writer.EndMessage(entry);
        }

        writer.WriteVarint(2 << WireType.NumberShift, (ulong)(search.MinDurationNano / 1_000_000));
        writer.WriteVarint(3 << WireType.NumberShift, (ulong)(search.MaxDurationNano / 1_000_000));
        if (search.Limit is { } limit) writer.WriteVarint(4 << WireType.NumberShift, limit);
        if (search.Start is { } start) writer.WriteVarint(5 << WireType.NumberShift, start);
        if (search.End is { } end) writer.WriteVarint(6 << WireType.NumberShift, end);
        writer.WriteText(8 << WireType.NumberShift | WireType.LengthDelimited, search.Query);
        if (search.SpansPerSpanSet is { } spans) writer.WriteVarint(9 << WireType.NumberShift, spans);
        return buffer.Written.ToArray();
    }
}
