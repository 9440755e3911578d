using System.Buffers;
using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Generator.Spans;
using Tempo.Engine.Otlp;

namespace Tempo.Engine.Node.SpanLogs;

/// <summary>Writes the line of each span of a request that is to have one.</summary>
/// <param name="log">Gets the lines.</param>
/// <param name="message">What has become of the spans.</param>
/// <param name="tenant">Whose they are.</param>
/// <param name="options">Which of them have a line, and what is in it.</param>
/// <param name="isWanted">A span of this trace may have a line; null: one whose ids are not valid.</param>
internal struct SpanLogSink(
    Log log, string message, TenantId tenant, SpanLogOptions options, Func<TraceId?, bool> isWanted) : IOtlpTraceSink
{
    /// <summary>Attributes of a line, of the span and of its resource each: a span may have ten thousands.</summary>
    private const int MaxAttributes = 64;

    // Longest key and text that is looked at, in bytes; the log cuts values once more.
    private const int MaxKeyBytes = 128, MaxTextBytes = 4 * Log.MaxValueBytes;

    private readonly List<(string Key, object? Value)> _resource = [];
    private readonly List<(string Key, object? Value)> _span = [];

    // Of whom attributes come; null: of somebody whose are not written.
    private List<(string Key, object? Value)>? _owner;
    private int _leftOutOfResource;
    private int _leftOutOfSpan;

    private readonly List<(string Key, object? Value)>? OwnerOfSpan => options.WithAllAttributes ? _span : null;

    public bool BeginResource(ReadOnlySpan<byte> resource)
    {
        _resource.Clear();
        _leftOutOfResource = 0;
        _owner = _resource;
        return options.WithAllAttributes;
    }

    public void EndResource(uint droppedAttributesCount) => _owner = null;

    public readonly bool BeginScope(ReadOnlySpan<byte> scope) => false;

    public readonly void EndScope(ReadOnlySpan<byte> name, ReadOnlySpan<byte> version, uint droppedAttributesCount)
    {
    }

    public void BeginSpan()
    {
        _span.Clear();
        _leftOutOfSpan = 0;
        _owner = OwnerOfSpan;
    }

    public readonly void EndSpan(in SpanFields fields)
    {
        if (options.OnlyErrors && fields.StatusCode != SpanNames.StatusError) return;
        var isValid = OtlpRequestSummary.HasValidTraceId(fields) && OtlpRequestSummary.HasValidSpanId(fields);
        if (!isWanted(isValid ? TraceId.Read(fields.TraceId) : null)) return;
        List<(string, object?)> line = [("spanid", IdOf(fields.SpanId)), ("traceid", IdOf(fields.TraceId)), ("tenant", tenant.Value)];
        if (options.WithAllAttributes)
        {
            line.AddRange(_resource);
            line.AddRange(_span);
            line.Add(("span_name", Text(fields.Name)));
            line.Add(("span_duration_seconds", fields.EndTimeUnixNano > fields.StartTimeUnixNano
                ? (fields.EndTimeUnixNano - fields.StartTimeUnixNano) / 1e9
                : 0));
            line.Add(("span_kind", Encoding.UTF8.GetString(SpanNames.Kind(fields.Kind))));
            line.Add(("span_status", Encoding.UTF8.GetString(SpanNames.Status(fields.StatusCode))));
            if (_leftOutOfResource + _leftOutOfSpan > 0) line.Add(("attributes_left_out", _leftOutOfResource + _leftOutOfSpan));
        }

        log.InfoUnlimited(message, [.. line]);
    }

    public void BeginEvent() => _owner = null;

    public void EndEvent(in EventFields fields) => _owner = OwnerOfSpan;

    public void BeginLink() => _owner = null;

    public void EndLink(in LinkFields fields) => _owner = OwnerOfSpan;

    public void Attribute(ReadOnlySpan<byte> key, in AnyValueView value)
    {
        if (_owner is null) return;
        if (_owner.Count < MaxAttributes) _owner.Add((LabelName.Of("span." + Cut(key, MaxKeyBytes)), ValueOf(value)));
        else if (_owner == _span) _leftOutOfSpan++;
        else _leftOutOfResource++;
    }

    private static object? ValueOf(in AnyValueView value)
    {
        switch (value.Kind)
        {
            case AnyValueKind.Null: return null;
            case AnyValueKind.String: return Text(value.Bytes);
            case AnyValueKind.Bool: return value.Bits != 0;
            case AnyValueKind.Int: return value.Bits;
            case AnyValueKind.Double: return BitConverter.Int64BitsToDouble(value.Bits);
            default:
                var json = new ArrayBufferWriter<byte>();
                return value.Message.Length <= MaxTextBytes && AnyValueJson.TryWrite(value.Message, json, out _)
                    ? Encoding.UTF8.GetString(json.WrittenSpan)
                    : $"({value.Message.Length} bytes)";
        }
    }

    // As sent, of whatever length; more than an id has is not shown.
    private static string IdOf(ReadOnlySpan<byte> id) => Convert.ToHexStringLower(id[..Math.Min(id.Length, TraceId.SizeBytes)]);

    private static string Text(ReadOnlySpan<byte> text) => Cut(text, MaxTextBytes);

    private static string Cut(ReadOnlySpan<byte> text, int maxBytes) => Encoding.UTF8.GetString(text[..Math.Min(text.Length, maxBytes)]);
}
