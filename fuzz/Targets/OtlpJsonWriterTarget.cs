using System.Buffers;
using Tempo.Engine.Otlp;

namespace Tempo.Fuzz.Targets;

/// <summary>
/// Protobuf → the JSON of answers. Holds: what the reader accepts can be written and nothing else can; the output is
/// valid JSON and valid UTF-8; an attribute's value survives being text.
/// </summary>
internal sealed class OtlpJsonWriterTarget : IFuzzTarget
{
    private readonly ArrayBufferWriter<byte> _json = new();

    public string Name => "otlp-json-writer";

    public string Corpus => "otlp-protobuf";

    public IReadOnlyList<byte[]> Dictionary => ProtobufDictionary.Tokens;

    public void Run(ReadOnlySpan<byte> input)
    {
        _json.ResetWrittenCount();
        var sink = new RoundTripSink();
        var isSound = OtlpTraceReader.TryRead(input, ref sink, out _);
        Oracle.Holds(
            OtlpJsonWriter.TryWrite(input, OtlpJsonWriter.ResourceSpansKey, _json, out _) == isSound, "what is read can be written");
        Oracle.Holds(isSound || _json.WrittenCount == 0, "nothing is written of what is not sound");
        if (isSound) JsonOracle.HoldsValid(_json.WrittenSpan);
    }

    private struct RoundTripSink : IOtlpTraceSink
    {
        public readonly bool BeginResource(ReadOnlySpan<byte> message) => true;

        public readonly void EndResource(uint droppedAttributesCount)
        {
        }

        public readonly bool BeginScope(ReadOnlySpan<byte> message) => true;

        public readonly void EndScope(ReadOnlySpan<byte> name, ReadOnlySpan<byte> version, uint droppedAttributesCount)
        {
        }

        public readonly void BeginSpan()
        {
        }

        public readonly void EndSpan(in SpanFields fields)
        {
        }

        public readonly void BeginEvent()
        {
        }

        public readonly void EndEvent(in EventFields fields)
        {
        }

        public readonly void BeginLink()
        {
        }

        public readonly void EndLink(in LinkFields fields)
        {
        }

        public readonly void Attribute(ReadOnlySpan<byte> key, in AnyValueView value)
        {
            var text = new ArrayBufferWriter<byte>();
            Oracle.Holds(AnyValueJson.TryWrite(value.Message, text, out _), "a value that was read can be written");
            JsonOracle.HoldsFixed(text.WrittenSpan);
        }
    }
}
