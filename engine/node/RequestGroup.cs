using Tempo.Engine.Foundation;

namespace Tempo.Engine.Node;

/// <summary>
/// Requests of one tenant that a node of the ring has judged, one behind the other: together they are one request as well, so one record of
/// the log holds them. Not thread safe.
/// </summary>
/// <param name="tenant">Whose they are.</param>
/// <param name="isCounted">They count in the metrics from spans here, and on no other owner.</param>
/// <param name="bytes">Where they stand; the caller's.</param>
public sealed class RequestGroup(TenantId tenant, bool isCounted, NativeBuffer bytes)
{
    private readonly List<int> _ends = [];
    private readonly List<IngestOutcome> _outcomes = [];

    public TenantId Tenant => tenant;

    public bool IsCounted => isCounted;

    public NativeBuffer Bytes => bytes;

    /// <summary>Requests in it.</summary>
    public int Count => _ends.Count;

    /// <summary>What became of each, in their order, once they are stored or not.</summary>
    public IReadOnlyList<IngestOutcome> Outcomes => _outcomes;

    /// <summary>What was written to <see cref="Bytes"/> since the last call is a request.</summary>
    public void End() => EndAt(bytes.Length);

    /// <summary>The next request ends there.</summary>
    public void EndAt(int end) => _ends.Add(end);

    /// <summary>A request's bytes.</summary>
    public ReadOnlySpan<byte> RequestAt(int index) => bytes.Written[(index == 0 ? 0 : _ends[index - 1]).._ends[index]];

    internal void Answer(IngestOutcome outcome) => _outcomes.Add(outcome);
}
