using Tempo.Perf.Load.Transport;

namespace Tempo.Perf.Load.Run;

/// <summary>What became of the requests of one connection, or of all.</summary>
internal sealed class Tally
{
    private const int MaxErrorKinds = 20;

    public LatencyHistogram Latencies { get; } = new();
    public long AcknowledgedRequests { get; private set; }
    public long AcknowledgedSpans { get; private set; }
    public long AcknowledgedBytes { get; private set; }

    /// <summary>Spans the server acknowledged the request of, but said it had dropped (partial success).</summary>
    public long RejectedSpans { get; private set; }

    public long RefusedSpans { get; private set; }

    /// <summary>How long refusals took, from when their request was sent until they had come.</summary>
    public LatencyHistogram RefusalLatencies { get; } = new();

    /// <summary>The same until their sender had the processor to read them.</summary>
    public LatencyHistogram RefusalsRead { get; } = new();

    public long RefusedRequests { get; private set; }

    /// <summary>Refusals that do not say when to come back.</summary>
    public long WithoutRetryAfter { get; private set; }

    public long FailedSpans { get; private set; }

    /// <summary>What the server or the connection said, and how often; at most 20 kinds.</summary>
    public Dictionary<string, long> Errors { get; } = [];

    public void Count(
        ExportResponse response, int spanCount, int byteCount, long latencyMicros, long sinceSentMicros, long untilArrivedMicros)
    {
        switch (response.Outcome)
        {
            case ExportOutcome.Acknowledged:
                AcknowledgedRequests++;
                AcknowledgedSpans += spanCount - response.RejectedSpans;
                AcknowledgedBytes += byteCount;
                RejectedSpans += response.RejectedSpans;
                Latencies.Record(latencyMicros);
                break;
            case ExportOutcome.Refused:
                RefusedSpans += spanCount;
                RefusedRequests++;
                RefusalLatencies.Record(untilArrivedMicros);
                RefusalsRead.Record(sinceSentMicros);
                if (response.RetryAfter == TimeSpan.Zero) WithoutRetryAfter++;
                break;
            case ExportOutcome.Failed: FailedSpans += spanCount; break;
        }
        if (response.Detail is not null) CountError(response.Detail, 1);
    }

    public void Add(Tally other)
    {
        Latencies.Add(other.Latencies);
        AcknowledgedRequests += other.AcknowledgedRequests;
        AcknowledgedSpans += other.AcknowledgedSpans;
        AcknowledgedBytes += other.AcknowledgedBytes;
        RejectedSpans += other.RejectedSpans;
        RefusedSpans += other.RefusedSpans;
        RefusedRequests += other.RefusedRequests;
        WithoutRetryAfter += other.WithoutRetryAfter;
        RefusalLatencies.Add(other.RefusalLatencies);
        RefusalsRead.Add(other.RefusalsRead);
        FailedSpans += other.FailedSpans;
        foreach ((string error, long count) in other.Errors) CountError(error, count);
    }

    public void CountError(string error, long count)
    {
        if (Errors.Count >= MaxErrorKinds && !Errors.ContainsKey(error)) error = "others";
        Errors[error] = Errors.GetValueOrDefault(error) + count;
    }
}
