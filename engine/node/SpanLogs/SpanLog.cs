using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp;

namespace Tempo.Engine.Node.SpanLogs;

/// <summary>Section <c>distributor.log_received_spans</c> or <c>distributor.log_discarded_spans</c>.</summary>
public sealed record SpanLogOptions
{
    public bool IsEnabled { get; init; }

    /// <summary>Name, duration, kind, status and the attributes of span and resource as well; else the ids.</summary>
    public bool WithAllAttributes { get; init; }

    /// <summary>Only spans whose status is an error.</summary>
    public bool OnlyErrors { get; init; }
}

/// <summary>
/// A line of the log for each span that comes in, or that is discarded, where it came in: for who looks for what a sender sends. It
/// reads each request once more and is as long as what is sent, and so is not for production, as Tempo's is not.
/// </summary>
/// <param name="received">What is written of the spans of each request that could be read, <c>msg=received</c>.</param>
/// <param name="discarded">What is written of those that were not stored, <c>msg=discarded</c>.</param>
/// <param name="log">Gets the lines, at the level info.</param>
public sealed class SpanLog(SpanLogOptions received, SpanLogOptions discarded, Log log)
{
    /// <summary>Writes what is to be written of a request (OTLP protobuf) and its outcome.</summary>
    public void Observe(TenantId tenant, ReadOnlySpan<byte> request, in IngestOutcome outcome)
    {
        if (!log.IsEnabled(LogLevel.Info)) return;
        // Without a span in either count it could not be read, or has none.
        if (received.IsEnabled && outcome.AcceptedSpans + outcome.RejectedSpans > 0)
            Write(request, new SpanLogSink(log, "received", tenant, received, static _ => true));
        if (!discarded.IsEnabled || outcome.RejectedSpans == 0) return;
        var (isAll, refused) = (outcome.AcceptedSpans == 0, outcome.RefusedTraceIds);
        var sink =
            new SpanLogSink(log, "discarded", tenant, discarded, trace => isAll || trace is not { } id || refused?.Contains(id) == true);
        Write(request, sink);
    }

    private static void Write(ReadOnlySpan<byte> request, SpanLogSink sink) => OtlpTraceReader.TryRead(request, ref sink, out _);
}
