using System.Diagnostics;
using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp.Fields;
using Tempo.Engine.Otlp.Wire;

namespace Tempo.Host.Telemetry.OwnTraces;

/// <summary>Writes finished spans of the process as one OTLP request. Not thread safe.</summary>
internal static class OwnTraceWriter
{
    /// <summary>Bits of a span's flags above those of the trace context: whether it is known where the parent is, and whether that is another process.</summary>
    private const uint ParentIsKnown = 0x100, ParentIsRemote = 0x200;

    /// <param name="resource">Attributes of the process.</param>
    /// <param name="spans">The source of each becomes its scope.</param>
    /// <param name="output">Gets the request.</param>
    public static void Write(IReadOnlyList<(string Key, string Value)> resource, IEnumerable<Activity> spans, NativeBuffer output)
    {
        var writer = new ProtobufWriter(output);
        var resourceSpans = writer.BeginMessage(TracesDataTag.ResourceSpans);
        var message = writer.BeginMessage(ResourceSpansTag.Resource);
        foreach (var (key, value) in resource) WriteAttribute(writer, ResourceTag.Attributes, key, value);
        writer.EndMessage(message);
        foreach (var scope in spans.GroupBy(static span => span.Source.Name, StringComparer.Ordinal))
        {
            var scopeSpans = writer.BeginMessage(ResourceSpansTag.ScopeSpans);
            message = writer.BeginMessage(ScopeSpansTag.Scope);
            WriteText(writer, InstrumentationScopeTag.Name, scope.Key);
            writer.EndMessage(message);
            foreach (var span in scope) WriteSpan(writer, span);
            writer.EndMessage(scopeSpans);
        }

        writer.EndMessage(resourceSpans);
    }

    private static void WriteSpan(ProtobufWriter writer, Activity span)
    {
        Span<byte> id = stackalloc byte[16];
        var message = writer.BeginMessage(ScopeSpansTag.Spans);
        span.TraceId.CopyTo(id);
        writer.WriteBytes(SpanTag.TraceId, id);
        span.SpanId.CopyTo(id[..8]);
        writer.WriteBytes(SpanTag.SpanId, id[..8]);
        if (span.TraceStateString is { Length: > 0 } state) WriteText(writer, SpanTag.TraceState, state);
        if (span.ParentSpanId != default)
        {
            span.ParentSpanId.CopyTo(id[..8]);
            writer.WriteBytes(SpanTag.ParentSpanId, id[..8]);
        }

        WriteText(writer, SpanTag.Name, span.DisplayName);
        writer.WriteVarint(SpanTag.Kind, (ulong)span.Kind + 1); // OTLP's number 0 is for those that do not say
        writer.WriteFixed64(SpanTag.StartTimeUnixNano, NanosOf(span.StartTimeUtc));
        writer.WriteFixed64(SpanTag.EndTimeUnixNano, NanosOf(span.StartTimeUtc + span.Duration));
        foreach (var (key, value) in span.TagObjects) WriteAttribute(writer, SpanTag.Attributes, key, value);
        WriteStatus(writer, span);
        writer.WriteFixed32(SpanTag.Flags, (uint)span.ActivityTraceFlags | ParentIsKnown | (span.HasRemoteParent ? ParentIsRemote : 0));
        writer.EndMessage(message);
    }

    private static void WriteStatus(ProtobufWriter writer, Activity span)
    {
        if (span.Status == ActivityStatusCode.Unset) return;
        var status = writer.BeginMessage(SpanTag.Status);
        if (span.StatusDescription is { Length: > 0 } text) WriteText(writer, StatusTag.Message, text);
        writer.WriteVarint(StatusTag.Code, (ulong)span.Status);
        writer.EndMessage(status);
    }

    private static void WriteAttribute(ProtobufWriter writer, uint tag, string key, object? value)
    {
        var keyValue = writer.BeginMessage(tag);
        WriteText(writer, KeyValueTag.Key, key);
        var any = writer.BeginMessage(KeyValueTag.Value);
        switch (value)
        {
            case bool isSo: writer.WriteBool(AnyValueTag.BoolValue, isSo); break;
            case int number: writer.WriteVarint(AnyValueTag.IntValue, (ulong)number); break;
            case long number: writer.WriteVarint(AnyValueTag.IntValue, (ulong)number); break;
            case double number: writer.WriteDouble(AnyValueTag.DoubleValue, number); break;
            default: WriteText(writer, AnyValueTag.StringValue, value?.ToString() ?? ""); break;
        }

        writer.EndMessage(any);
        writer.EndMessage(keyValue);
    }

    private static void WriteText(ProtobufWriter writer, uint tag, string text) => writer.WriteBytes(tag, Encoding.UTF8.GetBytes(text));

    private static ulong NanosOf(DateTime utc) => (ulong)(utc - DateTime.UnixEpoch).Ticks * TimeSpan.NanosecondsPerTick;
}
