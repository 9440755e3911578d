using System.Globalization;
using System.Text;

namespace Tempo.Engine.Query.Search;

/// <summary>What <c>with(explain=true)</c> tells: the plan, and what became of the jobs. Thread safe.</summary>
internal sealed class SearchExplanation
{
    private readonly Lock _lock = new();
    private readonly SortedDictionary<string, int> _skipped = new(StringComparer.Ordinal);
    private string _plan = "";
    private int _waves;
    private int _pages;
    private int _emptyPages;
    private int _unopened;

    public void Describe(SearchPlan plan, SearchOptions options) => _plan = $"""
        candidates: {plan.Candidates}{(plan.Candidates.IsExact ? "" : "; the rest is decided on whole traces")}
        whole traces: {plan.Needs.Columns}{(plan.Needs.HasTree ? ", with their tree" : "")}; attributes {string.Join(", ", plan.Needs.Fields.Where(static field => !field.IsIntrinsic))}
        kernel {options.Kernel}, up to {options.MaxWorkers} threads
        """;

    public void CountWave() => _waves++;

    public void CountUnopened() => _unopened++;

    public void CountSkipped(string reason, int jobs = 1)
    {
        if (jobs <= 0) return;
        lock (_lock) _skipped[reason] = _skipped.GetValueOrDefault(reason) + jobs;
    }

    public void CountPage(int candidates)
    {
        Interlocked.Increment(ref _pages);
        if (candidates == 0) Interlocked.Increment(ref _emptyPages);
    }

    public string ToText(SearchMetrics metrics)
    {
        var text = new StringBuilder(_plan);
        text.AppendLine();
        text.AppendLine(CultureInfo.InvariantCulture, $"jobs: {metrics.TotalJobs} (live data and row groups) in {_waves} waves");
        foreach (var (reason, jobs) in _skipped) text.AppendLine(CultureInfo.InvariantCulture, $"skipped: {jobs} by {reason}");
        if (_unopened > 0) text.AppendLine(CultureInfo.InvariantCulture, $"blocks never opened: {_unopened} of {metrics.TotalBlocks}");
        text.AppendLine(CultureInfo.InvariantCulture, $"pages: {_pages}, of them {_emptyPages} without candidates");
        text.Append(CultureInfo.InvariantCulture, $"spans scanned: {metrics.InspectedSpans}; whole traces looked at: {metrics.InspectedTraces}; block bytes read: {metrics.InspectedBytes}");
        return text.ToString();
    }
}
