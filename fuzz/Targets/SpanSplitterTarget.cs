using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp;

namespace Tempo.Fuzz.Targets;

/// <summary>
/// A request divided by traces. Holds: of a request that is sound each part is, and together they have the valid spans, with all that
/// belongs to them, and no other.
/// </summary>
internal sealed class SpanSplitterTarget : IFuzzTarget, IDisposable
{
    private readonly NativeBuffer[] _parts = [new(), new(), new()];

    public string Name => "span-splitter";

    public string Corpus => "otlp-protobuf";

    public IReadOnlyList<byte[]> Dictionary => ProtobufDictionary.Tokens;

    public void Run(ReadOnlySpan<byte> input)
    {
        var summary = new OtlpRequestSummary();
        if (!OtlpTraceReader.TryRead(input, ref summary, out _)) return;
        foreach (var part in _parts) part.Clear();
        var partition = default(ByTrace);
        OtlpSpanSplitter.Split(input, ref partition, _parts);
        var spans = 0;
        foreach (var part in _parts)
        {
            var found = new OtlpRequestSummary();
            Oracle.Holds(OtlpTraceReader.TryRead(part.Written, ref found, out var error), $"a part is sound: {error}");
            Oracle.Holds(found.InvalidSpanCount == 0, "no part has a span without ids");
            Oracle.Holds(part.Written.IsEmpty == (found.SpanCount == 0), "what has no span is empty");
            spans += found.SpanCount;
        }

        Oracle.Holds(spans == summary.SpanCount - summary.InvalidSpanCount, "every valid span is in one part");
    }

    public void Dispose()
    {
        foreach (var part in _parts) part.Dispose();
    }

    private readonly struct ByTrace : ISpanPartition
    {
        public int PartOf(ReadOnlySpan<byte> span) => OtlpSpanSplitter.TryReadTrace(span, out var trace) ? (int)(trace.Mix() % 3) : -1;
    }
}
