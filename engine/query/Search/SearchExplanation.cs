using System.Globalization;
using System.Text;

namespace Tempo.Engine.Query.Search;

/// <summary>What <c>with(explain=true)</c> tells: the plan, and what became of the jobs. Thread safe.</summary>
internal sealed class SearchExplanation
{
    private string _plan = "";
    private int _waves;
    private int _unopened;

    public void Describe(SearchPlan plan, SearchOptions options) => _plan = $"""
        candidates: {plan.Candidates}{(plan.Candidates.IsExact ? "" : "; the rest is decided on whole traces")}
        whole traces: {plan.Needs.Columns}{(plan.Needs.HasTree ? ", with their tree" : "")}; attributes {string.Join(", ", plan.Needs.Fields.Where(static field => !field.IsIntrinsic))}
        kernel {options.Kernel}, up to {options.MaxWorkers} threads
        """;

    public void CountWave() => _waves++;

    public void CountUnopened() => _unopened++;

    /// <summary>Row groups and pages.</summary>
    public ScanCounts Scan { get; } = new();

    public string ToText(SearchMetrics metrics)
    {
        var text = new StringBuilder(_plan);
        text.AppendLine();
        text.AppendLine(CultureInfo.InvariantCulture, $"jobs: {metrics.TotalJobs} (live data and row groups) in {_waves} waves");
        Scan.WriteSkipped(text);
        if (_unopened > 0) text.AppendLine(CultureInfo.InvariantCulture, $"blocks never opened: {_unopened} of {metrics.TotalBlocks}");
        Scan.WritePages(text, "candidates");
        text.Append(CultureInfo.InvariantCulture,
            $"spans scanned: {metrics.InspectedSpans}; whole traces looked at: {metrics.InspectedTraces}; block bytes read: {metrics.InspectedBytes}");
        return text.ToString();
    }
}
