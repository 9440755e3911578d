using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Lifecycle;

/// <summary>Senders of two tenants that push traces over gRPC and HTTP as fast as they are acknowledged, and write down in
/// the ledger what became of each. They go on until their connections break.</summary>
internal sealed class LedgerLoad(TempoProcess tempo, Ledger ledger, string spanName, int spansPerTrace = 5)
{
    public static readonly string[] Tenants = ["kill-a", "kill-b"];

    private static readonly TimeSpan PauseWhenNotTaken = TimeSpan.FromMilliseconds(50);

    /// <summary>Ends with the server; fails if a connection breaks before somebody ends it.</summary>
    public Task RunAsync() =>
        Task.WhenAll(Tenants.SelectMany(tenant => new[] { SendByGrpcAsync(tenant), SendByHttpAsync(tenant) }));

    private async Task SendByGrpcAsync(string tenant)
    {
        using var client = new GrpcClient(tempo.OtlpGrpcUrl);
        await SendAsync(tenant, async request => (await client.CallAsync(GrpcClient.Frame(request), tenant: tenant)).Status switch
        {
            GrpcAnswer.Ok => Outcome.Acknowledged,
            GrpcAnswer.InvalidArgument or GrpcAnswer.ResourceExhausted => Outcome.Refused,
            // Also what a stack says that lost its connection.
            _ => Outcome.Unknown,
        });
    }

    private async Task SendByHttpAsync(string tenant)
    {
        using var client = new OtlpHttpClient(tempo.OtlpHttpUrl);
        await SendAsync(tenant, async request => Outcomes.OfHttpStatus((await client.PostAsync(request, tenant: tenant)).Status));
    }

    private async Task SendAsync(string tenant, Func<byte[], Task<Outcome>> send)
    {
        try
        {
            while (true)
            {
                // Noted before it is sent, so that nobody can find a trace that is not in the ledger.
                var entry = new LedgerEntry(tenant, Spans.NewTrace(spansPerTrace, spanName), Outcome.Unknown);
                ledger.Note(entry);
                var outcome = await send(ExportRequest.Encode(entry.Spans));
                ledger.Note(entry with { Outcome = outcome });
                if (outcome != Outcome.Acknowledged) await Task.Delay(PauseWhenNotTaken);
            }
        }
        catch (Exception e) when (tempo.IsEnding && e is HttpRequestException or IOException or OperationCanceledException)
        {
            // The end of the server was the end of the connection.
        }
    }
}
