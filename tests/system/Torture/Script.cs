using Tempo.SystemTests.Facts;
using Tempo.SystemTests.Lifecycle;
using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Torture;

/// <summary>
/// The same small life of a server each time: requests one after the other, a flush after every few, blocks that are merged.
/// What became of each request goes to the ledger. It bears every answer, and a server that ends in the middle of it.
/// </summary>
internal sealed class Script(TempoProcess tempo, Ledger ledger, string name)
{
    private const int Steps = 4;
    private const int RequestsPerStep = 4;
    private const int SpansPerTrace = 3;

    /// <summary>Merges as soon as there are two blocks; live data is cut when the script says so.</summary>
    public static readonly TempoSettings Settings = new()
    {
        MaxBlockDuration = "1h",
        CompactionCycle = "50ms",
        CompactedBlockRetention = "200ms",
    };

    private const string Tenant = "single-tenant";

    /// <returns>True if the server lived to its end.</returns>
    public async Task<bool> RunAsync()
    {
        using var client = new OtlpHttpClient(tempo.OtlpHttpUrl);
        try
        {
            for (var step = 0; step < Steps; step++)
            {
                for (var request = 0; request < RequestsPerStep; request++) await SendAsync(client, ledger, name);
                // 500 if a disk fails: what it could not write is tried again.
                await tempo.Api.AskAsync("/flush", "POST");
                // Time for a merge of what there is, and for the end of its inputs.
                await Task.Delay(150);
            }
        }
        catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException)
        {
            return false;
        }

        return !tempo.HasEnded;
    }

    /// <summary>
    /// One trace, and what became of it; throws if the connection breaks, which the ledger then does not know the end of.
    /// </summary>
    public static async Task<Outcome> SendAsync(OtlpHttpClient client, Ledger ledger, string name, int spans = SpansPerTrace)
    {
        var entry = new LedgerEntry(Tenant, Spans.NewTrace(spans, name), Outcome.Unknown);
        ledger.Note(entry);
        var outcome = Outcomes.OfHttpStatus((await client.PostAsync(ExportRequest.Encode(entry.Spans))).Status);
        ledger.Note(entry with { Outcome = outcome });
        return outcome;
    }
}
