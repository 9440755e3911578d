using Tempo.Engine.Foundation;

namespace Tempo.Engine.Query.Metrics.Exemplars;

/// <summary>A span that may become an exemplar.</summary>
/// <param name="Trace">Its trace, of which at most one span does.</param>
/// <param name="StartUnixNano">Its start.</param>
/// <param name="SpanId">Its id, where it was read (else 0); decides between spans of one start.</param>
/// <param name="Group">Number of the group it was counted in.</param>
/// <param name="Bucket">Histograms and quantiles: its bucket.</param>
/// <param name="Value">The measured value as the answer has it; NaN where there is none.</param>
/// <param name="Labels">What is shown of it.</param>
internal sealed record ExemplarCandidate(
    TraceId Trace, ulong StartUnixNano, ulong SpanId, int Group, int Bucket, double Value, IReadOnlyList<AttributeResult> Labels)
{
    /// <summary>The lowest are kept. A mix of the trace id: as good as random over traces, and the same every time.</summary>
    public ulong Priority { get; } = PriorityOf(Trace);

    public static ulong PriorityOf(TraceId trace)
    {
        var mixed = (trace.Low ^ (trace.High * 0x9E3779B97F4A7C15UL)) * 0xD6E8FEB86659FD93UL;
        return mixed ^ mixed >> 32;
    }

    /// <summary>Of one trace the first span counts.</summary>
    public bool IsBefore(ExemplarCandidate other) =>
        StartUnixNano != other.StartUnixNano ? StartUnixNano < other.StartUnixNano : SpanId < other.SpanId;
}
