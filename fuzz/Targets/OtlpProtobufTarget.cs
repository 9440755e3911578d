using Tempo.Engine.Otlp;
using Tempo.Engine.Otlp.Values;

namespace Tempo.Fuzz.Targets;

/// <summary>
/// The OTLP protobuf reader. Holds: a request is either read or refused with a place within it; reading it again gives the
/// same counts; a sink that opens every value sees as many attributes as one that only counts.
/// </summary>
internal sealed class OtlpProtobufTarget : IFuzzTarget
{
    public string Name => "otlp-protobuf";

    public IReadOnlyList<byte[]> Dictionary => ProtobufDictionary.Tokens;

    public void Run(ReadOnlySpan<byte> input)
    {
        var summary = new OtlpRequestSummary();
        var isRead = OtlpTraceReader.TryRead(input, ref summary, out var error);
        Oracle.Holds(isRead == (error.Kind == OtlpErrorKind.None), "an error is given if, and only if, the request is refused");
        Oracle.Holds(error.Offset >= 0 && error.Offset <= input.Length, "the error lies within the request");
        Oracle.Holds(isRead || error.Message.Length > 0, "the error has a text");

        var again = new OtlpRequestSummary();
        Oracle.Holds(OtlpTraceReader.TryRead(input, ref again, out _) == isRead, "the same request is read twice alike");
        Oracle.Holds(again.Equals(summary), "the same request gives the same counts");

        var opener = new OpeningSink();
        Oracle.Holds(OtlpTraceReader.TryRead(input, ref opener, out _) == isRead, "sinks have no say in what is sound");
        Oracle.Holds(opener.AttributeCount == summary.AttributeCount, "all sinks see all attributes");
        Oracle.Holds(opener.LeafSizeBytes <= input.Length * 2L, "values lie in the request");
        Oracle.Holds(!isRead || opener.OpenCount == 0, "what is begun is ended");
    }

    /// <summary>Opens every value down to its leaves.</summary>
    private struct OpeningSink : IOtlpTraceSink
    {
        public int AttributeCount { get; private set; }
        public int OpenCount { get; private set; }

        /// <summary>Sum of all keys, texts and bytes. A merged value is counted once, in its copy.</summary>
        public long LeafSizeBytes { get; private set; }

        public bool BeginResource(ReadOnlySpan<byte> message)
        {
            OpenCount++;
            return true;
        }

        public void EndResource(uint droppedAttributesCount) => OpenCount--;

        public bool BeginScope(ReadOnlySpan<byte> message)
        {
            OpenCount++;
            return true;
        }

        public void EndScope(ReadOnlySpan<byte> name, ReadOnlySpan<byte> version, uint droppedAttributesCount) => OpenCount--;
        public void BeginSpan() => OpenCount++;
        public void EndSpan(in SpanFields fields) => OpenCount--;
        public void BeginEvent() => OpenCount++;
        public void EndEvent(in EventFields fields) => OpenCount--;
        public void BeginLink() => OpenCount++;
        public void EndLink(in LinkFields fields) => OpenCount--;

        public void Attribute(ReadOnlySpan<byte> key, in AnyValueView value)
        {
            AttributeCount++;
            LeafSizeBytes += key.Length;
            Open(value, depth: 1);
        }

        private void Open(in AnyValueView value, int depth)
        {
            Oracle.Holds(depth <= OtlpTraceReader.MaxValueDepth, "values are no deeper than the limit");
            if (value.Kind == AnyValueKind.Array)
            {
                var elements = new ArrayValueReader(value.Bytes);
                while (elements.TryReadNext(out var element)) Open(element, depth + 1);
            }
            else if (value.Kind == AnyValueKind.KeyValueList)
            {
                var members = new KeyValueListReader(value.Bytes);
                while (members.TryReadNext(out var key, out var member))
                {
                    LeafSizeBytes += key.Length;
                    Open(member, depth + 1);
                }
            }
            else
            {
                LeafSizeBytes += value.Bytes.Length;
            }
        }
    }
}
