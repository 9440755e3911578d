using System.Collections.Concurrent;
using Tempo.SystemTests.Facts;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Lifecycle;

/// <summary>Holds the server to the ledger: what was acknowledged is found by id and by search, whole and once; what was
/// refused is not; of the rest each trace is there whole or not at all.</summary>
internal sealed class LedgerCheck(TempoProcess tempo, Ledger ledger)
{
    /// <summary>Lookups that run at once. The whole ledger is asked for one by one.</summary>
    private const int Lookups = 4;

    private const int SearchLimit = 100_000;

    /// <summary>Every trace with spans of this name, by id and by search.</summary>
    public Task NameAsync(string name) => TracesAsync([.. ledger.Entries.Where(entry => entry.Name == name)]);

    /// <summary>The whole ledger, by id and by search; returns how many traces there are.</summary>
    public Task<int> EverythingAsync() => TracesAsync(ledger.Entries);

    /// <summary>Goes on asking while the load is running, until the server ends: what is acknowledged before a question is
    /// asked has to be in its answer, also while live data turns into blocks.</summary>
    public async Task WatchAsync(string name)
    {
        try
        {
            while (true)
            {
                foreach (var tenant in LedgerLoad.Tenants)
                {
                    var acknowledged = Acknowledged(tenant, name);
                    await SearchAsync(tenant, name, acknowledged);
                    if (acknowledged.Count > 0) await FindAsync(acknowledged[^1]);
                }
            }
        }
        catch (Exception e) when (tempo.IsEnding && e is HttpRequestException or IOException)
        {
            // Asked too late.
        }
    }

    private async Task<int> TracesAsync(IReadOnlyList<LedgerEntry> entries)
    {
        var found = new ConcurrentBag<LedgerEntry>();
        await Parallel.ForEachAsync(entries, new ParallelOptions { MaxDegreeOfParallelism = Lookups }, async (entry, _) =>
        {
            if (await FindAsync(entry)) found.Add(entry);
        });

        // Nothing is on its way now: what one way finds, acknowledged or not, the other finds too.
        foreach (var group in entries.GroupBy(entry => (entry.Tenant, entry.Name)))
        {
            var byId = found.Where(entry => entry.Tenant == group.Key.Tenant && entry.Name == group.Key.Name).ToArray();
            var bySearch = await SearchAsync(group.Key.Tenant, group.Key.Name, mustBeThere: byId);
            Assert.Empty(bySearch.Except(byId.Select(entry => entry.TraceId)));
        }

        return found.Count;
    }

    private List<LedgerEntry> Acknowledged(string tenant, string name) =>
        [.. ledger.Entries.Where(entry => entry.Outcome == Outcome.Acknowledged && entry.Tenant == tenant && entry.Name == name)
            .OrderBy(entry => entry.TraceId, StringComparer.Ordinal)];

    /// <returns>Whether the trace is there.</returns>
    private async Task<bool> FindAsync(LedgerEntry entry)
    {
        var found = await tempo.Api.FindTraceAsync(entry.TraceId, entry.Tenant);
        switch (entry.Outcome)
        {
            case Outcome.Refused:
                Assert.Empty(found);
                break;
            case Outcome.Acknowledged:
                SpanFacts.AssertSame(entry.Spans, found);
                break;
            case Outcome.Unknown when found.Count > 0:
                SpanFacts.AssertSame(entry.Spans, found);
                break;
        }

        return found.Count > 0;
    }

    /// <returns>The ids of the traces found.</returns>
    private async Task<IReadOnlyList<string>> SearchAsync(string tenant, string name, IReadOnlyList<LedgerEntry> mustBeThere)
    {
        var hits = await tempo.Api.SearchAsync($"{{ name = \"{name}\" }}", SearchLimit, tenant);
        var matched = new Dictionary<string, int>();
        foreach (var hit in hits) Assert.True(matched.TryAdd(hit.TraceId, hit.Matched), $"found twice: {hit.TraceId}");
        foreach (var entry in mustBeThere)
        {
            Assert.True(matched.TryGetValue(entry.TraceId, out var spans), $"not found by search: {entry.TraceId}");
            Assert.Equal(entry.Spans.Count, spans);
        }

        foreach (var id in matched.Keys)
        {
            var entry = ledger.Find(id) ?? throw new InvalidOperationException($"found, and never sent: {id}");
            Assert.NotEqual(Outcome.Refused, entry.Outcome);
            Assert.Equal(tenant, entry.Tenant);
        }

        return [.. matched.Keys];
    }
}
