using System.Globalization;
using System.Text;

namespace Tempo.Engine.Query;

/// <summary>
/// What became of the row groups and pages of a query: how many were passed over, by which part of the condition (or by their time), and
/// how many were looked at. For <c>with(explain=true)</c>. Thread safe.
/// </summary>
internal sealed class ScanCounts
{
    private readonly Lock _lock = new();
    private readonly SortedDictionary<string, int> _jobs = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, int> _skippedPages = new(StringComparer.Ordinal);
    private int _pages;
    private int _emptyPages;

    /// <summary>Jobs were passed over: live data, row groups.</summary>
    public void CountSkipped(string reason, int jobs = 1) => Add(_jobs, reason, jobs);

    /// <summary>A page of a row group that was not passed over was.</summary>
    public void CountSkippedPage(string reason) => Add(_skippedPages, reason, 1);

    /// <summary>A page, or live batch, was looked at.</summary>
    public void CountPage(bool isEmpty)
    {
        Interlocked.Increment(ref _pages);
        if (isEmpty) Interlocked.Increment(ref _emptyPages);
    }

    public void WriteSkipped(StringBuilder text)
    {
        lock (_lock)
            foreach (var (reason, jobs) in _jobs)
                text.AppendLine(CultureInfo.InvariantCulture, $"skipped: {jobs} by {reason}");
    }

    public void WritePages(StringBuilder text, string emptyMeans)
    {
        lock (_lock)
            foreach (var (reason, pages) in _skippedPages)
                text.AppendLine(CultureInfo.InvariantCulture, $"pages skipped: {pages} by {reason}");
        text.AppendLine(CultureInfo.InvariantCulture, $"pages: {_pages}, of them {_emptyPages} without {emptyMeans}");
    }

    private void Add(SortedDictionary<string, int> counts, string reason, int count)
    {
        if (count <= 0) return;
        lock (_lock) counts[reason] = counts.GetValueOrDefault(reason) + count;
    }
}
