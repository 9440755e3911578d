using System.Diagnostics;
using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp.Fields;
using Tempo.Engine.Otlp.Foreign;
using Tempo.Engine.Otlp.Wire;

namespace Tempo.Host.Telemetry.OwnTraces;

/// <summary>Writes finished spans of the process as one OTLP request. Not thread safe.</summary>
internal static class OwnTraceWriter
{
    /// <summary>
    /// Bits of a span's flags above those of the trace context: whether it is known where the parent is, and whether that is another
    /// process.
    /// </summary>
    private const uint ParentIsKnown = 0x100, ParentIsRemote = 0x200;

    /// <param name="resource">Attributes of the process.</param>
    /// <param name="spans">The source of each becomes its scope.</param>
    /// <param name="output">Gets the request.</param>
    public static void Write(IReadOnlyList<(string Key, string Value)> resource, IEnumerable<Activity> spans, NativeBuffer output)
    {
        using var resourceMessage = new NativeBuffer();
        using (var attributes = new OtlpBatchWriter(resourceMessage))
            foreach (var (key, value) in resource) WriteAttribute(attributes, ResourceTag.Attributes, key, value);
        using var batch = new OtlpBatchWriter(output);
        foreach (var scope in spans.GroupBy(static span => span.Source.Name, StringComparer.Ordinal))
        {
            using var scopeMessage = new NativeBuffer();
            WriteText(new ProtobufWriter(scopeMessage), InstrumentationScopeTag.Name, scope.Key);
            foreach (var span in scope)
            {
                batch.BeginSpan();
                WriteSpan(batch, span);
                batch.EndSpan(resourceMessage.Written, scopeMessage.Written);
            }
        }

        batch.Complete();
    }

    private static void WriteSpan(OtlpBatchWriter batch, Activity span)
    {
        Span<byte> id = stackalloc byte[16];
        var writer = batch.Writer;
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
        foreach (var (key, value) in span.TagObjects) WriteAttribute(batch, SpanTag.Attributes, key, value);
        if (span.Status != ActivityStatusCode.Unset) batch.Status((int)span.Status, Encoding.UTF8.GetBytes(span.StatusDescription ?? ""));
        writer.WriteFixed32(SpanTag.Flags, (uint)span.ActivityTraceFlags | ParentIsKnown | (span.HasRemoteParent ? ParentIsRemote : 0));
    }

    private static void WriteAttribute(OtlpBatchWriter batch, uint tag, string name, object? value)
    {
        var key = Encoding.UTF8.GetBytes(name);
        switch (value)
        {
            case bool isSo: batch.Attribute(tag, key, isSo); break;
            case int number: batch.Attribute(tag, key, (long)number); break;
            case long number: batch.Attribute(tag, key, number); break;
            case double number: batch.Attribute(tag, key, number); break;
            default: batch.Attribute(tag, key, Encoding.UTF8.GetBytes(value?.ToString() ?? "")); break;
        }
    }

    private static void WriteText(ProtobufWriter writer, uint tag, string text) => writer.WriteBytes(tag, Encoding.UTF8.GetBytes(text));

    private static ulong NanosOf(DateTime utc) => (ulong)(utc - DateTime.UnixEpoch).Ticks * TimeSpan.NanosecondsPerTick;
}
