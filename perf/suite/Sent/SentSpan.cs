using System.Globalization;
using System.Text;
using Tempo.Engine.Otlp;

namespace Tempo.Perf.Suite.Sent;

/// <summary>
/// What answers are held against: a span as it was sent. Attribute values as TraceQL shows them; nested ones are left out.
/// </summary>
internal sealed class SentSpan
{
    public required string TraceId { get; init; }
    public required string Id { get; init; }
    public required string ParentId { get; init; }
    public required string Name { get; init; }
    public required string Service { get; init; }
    public required int Kind { get; init; }
    public required int StatusCode { get; init; }
    public required ulong StartUnixNanos { get; init; }
    public required ulong EndUnixNanos { get; init; }
    public required Dictionary<string, string> Attributes { get; init; }

    public ulong DurationNanos => EndUnixNanos - StartUnixNanos;

    public string? Attribute(string key) => Attributes.GetValueOrDefault(key);

    /// <summary>The spans of a request; throws if it is malformed.</summary>
    public static List<SentSpan> Read(ReadOnlySpan<byte> request)
    {
        var sink = new Sink([]);
        if (!OtlpTraceReader.TryRead(request, ref sink, out var error))
            throw new InvalidDataException($"a request of our own is malformed: {error}");
        return sink.Spans;
    }

    private struct Sink(List<SentSpan> spans) : IOtlpTraceSink
    {
        private string _service = "";
        private Dictionary<string, string> _attributes = [];
        private bool _isSpan, _isInner;

        public readonly List<SentSpan> Spans => spans;

        public bool BeginResource(ReadOnlySpan<byte> message)
        {
            (_service, _isSpan) = ("", false);
            return true;
        }

        public readonly void EndResource(uint droppedAttributesCount) { }
        public readonly bool BeginScope(ReadOnlySpan<byte> message) => false;
        public readonly void EndScope(ReadOnlySpan<byte> name, ReadOnlySpan<byte> version, uint droppedAttributesCount) { }
        public void BeginSpan() => (_attributes, _isSpan) = ([], true);

        public readonly void EndSpan(in SpanFields fields) => spans.Add(new SentSpan
        {
            TraceId = Convert.ToHexStringLower(fields.TraceId),
            Id = Convert.ToHexStringLower(fields.SpanId),
            ParentId = Convert.ToHexStringLower(fields.ParentSpanId),
            Name = Encoding.UTF8.GetString(fields.Name),
            Service = _service,
            Kind = fields.Kind,
            StatusCode = fields.StatusCode,
            StartUnixNanos = fields.StartTimeUnixNano,
            EndUnixNanos = fields.EndTimeUnixNano,
            Attributes = _attributes,
        });

        public void BeginEvent() => _isInner = true;
        public void EndEvent(in EventFields fields) => _isInner = false;
        public void BeginLink() => _isInner = true;
        public void EndLink(in LinkFields fields) => _isInner = false;

        public void Attribute(ReadOnlySpan<byte> key, in AnyValueView value)
        {
            if (_isInner) return;
            if (!_isSpan)
            {
                if (key.SequenceEqual("service.name"u8)) _service = Encoding.UTF8.GetString(value.Bytes);
                return;
            }

            _attributes[Encoding.UTF8.GetString(key)] = value.Kind switch
            {
                AnyValueKind.String => Encoding.UTF8.GetString(value.Bytes),
                AnyValueKind.Int => value.Bits.ToString(CultureInfo.InvariantCulture),
                AnyValueKind.Bool => value.Bits != 0 ? "true" : "false",
                AnyValueKind.Double => BitConverter.Int64BitsToDouble(value.Bits).ToString("R", CultureInfo.InvariantCulture),
                _ => "",
            };
        }
    }
}
