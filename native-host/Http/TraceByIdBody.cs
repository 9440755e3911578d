using System.Buffers;
using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp;
using Tempo.Engine.Otlp.Json;
using Tempo.Engine.Otlp.Wire;
using Tempo.Engine.Query.Traces;
using Tempo.Engine.Storage.Scan;
using Tempo.Host.Foreign;

namespace Tempo.Host.Http;

/// <summary>
/// The two answers for a trace, written part by part. Version 1 is the trace itself; version 2 wraps it:
/// <code>
/// TraceByIDResponse { Trace trace = 1; TraceByIDMetrics metrics = 2; PartialStatus status = 3; string message = 4; }
/// TraceByIDMetrics  { uint64 inspectedBytes = 1; }           PartialStatus { COMPLETE = 0; PARTIAL = 1; }
/// </code>
/// Trace and metrics are always present, if only with length 0: Grafana dereferences them. A large trace stands in several
/// <c>trace</c> fields, which protobuf merges to one: the length of one would have to be known before its first byte.
/// </summary>
internal sealed class TraceByIdBody(FoundTrace trace, long maxTraceBytes) : IDisposable
{
    /// <summary>OTLP bytes of one part: stays in the core's cache, and few resources are written twice.</summary>
    private const int PartBytes = 1 << 20;

    /// <summary>A version 2 trace up to this size is one field, unless it has so many spans that it is certainly larger.</summary>
    private const int FieldBytes = 4 << 20;
    private const int SpansBeyondField = 1 << 15;

    /// <summary>Traces of so many spans fill a part, or much of one.</summary>
    private const int ManySpans = 1000;

    private const byte TraceTag = 1 << WireType.NumberShift | (byte)WireType.LengthDelimited;
    private const byte MetricsTag = 2 << WireType.NumberShift | (byte)WireType.LengthDelimited;
    private const byte StatusTag = 3 << WireType.NumberShift;
    private const byte MessageTag = 4 << WireType.NumberShift | (byte)WireType.LengthDelimited;
    private const byte InspectedBytesTag = 1 << WireType.NumberShift;
    private const byte Partial = 1;

    /// <summary>Traces of so many spans make answers that are sent while they are written.</summary>
    private const int SpansOfLarge = 4000;

    /// <summary>
    /// Memory of a part that is kept for the next answer: a field with its last span. New memory is a page fault every 4 KiB.
    /// </summary>
    private const int KeptBytes = FieldBytes + FieldBytes / 8;

    private static NativeBuffer? s_kept;

    // Room for a part and its last span from the beginning, so that it is not moved while it grows.
    private readonly NativeBuffer _part =
        trace.SpanCount <= ManySpans ? new() : Interlocked.Exchange(ref s_kept, null) ?? new(PartBytes + PartBytes / 16);
    private readonly TraceSizeLimit _limit = new(maxTraceBytes);
    private bool _isFiltered;
    private bool _isDisposed;
    private int _prunedCount;

    /// <summary>The trace is larger than it may be; what was written is the beginning of it.</summary>
    public bool IsTooLarge => _limit.IsPassed;

    /// <summary>For the answer: why it is not whole; empty if it is. Final once the trace was written.</summary>
    public string Message =>
        IsTooLarge ? $"Trace exceeds maximum size of {maxTraceBytes} bytes, a partial trace is returned"
        : trace.Damage.Length > 0 ? trace.Damage
        : _isFiltered ? "Trace filtered, only a subset of spans matching the filter is returned"
        : _prunedCount > 0 ? $"Trace pruned, {_prunedCount} spans are returned within summaries of similar spans"
        : "";

    /// <summary>The answer is worth being sent while it is written.</summary>
    public bool IsLarge => trace.SpanCount > SpansOfLarge;

    public void Dispose()
    {
        if (_isDisposed) return;
        _isDisposed = true;
        _part.Clear();
        if (_part.Capacity is < PartBytes or > KeptBytes || Interlocked.CompareExchange(ref s_kept, _part, null) is not null)
            _part.Dispose();
    }

    /// <summary>The trace as a tempopb.Trace. True: call again after a flush.</summary>
    public bool WriteProtobufV1(IBufferWriter<byte> output)
    {
        var isMore = NextPart(PartBytes);
        output.Write(_part.Written);
        return isMore;
    }

    /// <summary>One <c>trace</c> field. True: call again after a flush.</summary>
    public bool WriteProtobufV2(IBufferWriter<byte> output)
    {
        var isMore = NextPart(trace.SpanCount > SpansBeyondField ? PartBytes : FieldBytes);
        WriteBytes(output, TraceTag, _part.Written);
        return isMore;
    }

    /// <summary>The elements of a list of ResourceSpans. True: call again after a flush.</summary>
    public bool WriteJson(bool isFirst, IBufferWriter<byte> output)
    {
        var isMore = NextPart(PartBytes);
        OtlpJsonWriter.WriteElements(_part.Written, isFirst, output);
        return isMore;
    }

    /// <summary>The next spans as objects, for other formats.</summary>
    public List<SpanRecord> ReadPart(out bool isMore)
    {
        isMore = NextPart(PartBytes);
        return SpanRecordReader.Read(_part.Written);
    }

    /// <summary>What follows the trace in version 2.</summary>
    public void WriteProtobufEnd(IBufferWriter<byte> output)
    {
        var message = Message;
        Span<byte> metrics = stackalloc byte[1 + Varint.MaxSizeBytes];
        var metricsSize = 0;
        if (trace.InspectedBytes > 0)
        {
            metrics[0] = InspectedBytesTag;
            metricsSize = 1 + Varint.Encode(metrics[1..], trace.InspectedBytes);
        }

        WriteBytes(output, MetricsTag, metrics[..metricsSize]);
        if (message.Length == 0) return;
        output.Write([StatusTag, Partial]);
        WriteBytes(output, MessageTag, Encoding.UTF8.GetBytes(message));
    }

    /// <summary>What follows the object of the trace in version 2, with the brace that closes the answer.</summary>
    public void WriteJsonEnd(IBufferWriter<byte> output)
    {
        var json = new ProtoJsonWriter(output);
        json.Continue();
        json.WriteName("metrics"u8);
        json.BeginObject();
        if (trace.InspectedBytes > 0)
        {
            json.WriteName("inspectedBytes"u8);
            json.WriteUInt64(trace.InspectedBytes);
        }

        json.EndObject();
        if (Message is { Length: > 0 } message)
        {
            json.WriteName("status"u8);
            json.WriteString("PARTIAL"u8);
            json.WriteName("message"u8);
            json.WriteText(message);
        }

        json.EndObject();
    }

    /// <summary>Says that spans were left out on purpose, unless something worse is said already.</summary>
    public void ReportFiltered() => _isFiltered = true;

    /// <summary>Says how many spans others stand for.</summary>
    public void ReportPruned(int count) => _prunedCount = count;

    /// <summary>Fills the part with the next spans; false if they are the last.</summary>
    private bool NextPart(int maxBytes)
    {
        _part.Clear();
        while (_part.Length < maxBytes && !trace.IsAtEnd && !IsTooLarge)
        {
            var before = _part.Length;
            trace.WritePart(_part, _limit.NextPartBytes(PartBytes));
            _limit.Add(_part.Written[before..]);
        }

        return !trace.IsAtEnd && !IsTooLarge;
    }

    private static void WriteBytes(IBufferWriter<byte> output, byte tag, ReadOnlySpan<byte> content)
    {
        var span = output.GetSpan(1 + Varint.MaxSizeBytes);
        span[0] = tag;
        output.Advance(1 + Varint.Encode(span[1..], (ulong)content.Length));
        output.Write(content);
    }
}
