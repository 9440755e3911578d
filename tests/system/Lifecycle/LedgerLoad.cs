using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Lifecycle;

/// <summary>Senders that push small traces over gRPC and HTTP as fast as they are acknowledged, and write down in the
/// ledger what became of each.</summary>
internal sealed class LedgerLoad(TempoProcess tempo, Ledger ledger, string spanName)
{
    private const int Senders = 4;
    private const int SpansPerTrace = 5;

    /// <summary>A round is checked trace by trace over HTTP; more than this would only make the check longer.</summary>
    private const int MaxTracesPerSender = 1000;

    /// <summary>Runs until the connection breaks or <paramref name="stop"/>.</summary>
    public Task RunAsync(CancellationToken stop) =>
        Task.WhenAll(Enumerable.Range(0, Senders).Select(sender => sender % 2 == 0 ? SendByGrpcAsync(stop) : SendByHttpAsync(stop)));

    private async Task SendByGrpcAsync(CancellationToken stop)
    {
        using var client = new GrpcClient(tempo.OtlpGrpcUrl);
        await SendAsync(async request => (await client.ExportAsync(request)).Status switch
        {
            GrpcAnswer.Ok => Ledger.Outcome.Acknowledged,
            GrpcAnswer.InvalidArgument or GrpcAnswer.ResourceExhausted => Ledger.Outcome.Refused,
            // Also what a stack says that lost its connection.
            _ => Ledger.Outcome.Unknown,
        }, stop);
    }

    private async Task SendByHttpAsync(CancellationToken stop)
    {
        using var client = new OtlpHttpClient(tempo.OtlpHttpUrl);
        await SendAsync(async request => (await client.PostAsync(request)).Status switch
        {
            200 => Ledger.Outcome.Acknowledged,
            >= 400 and < 500 => Ledger.Outcome.Refused,
            _ => Ledger.Outcome.Unknown,
        }, stop);
    }

    private async Task SendAsync(Func<byte[], Task<Ledger.Outcome>> send, CancellationToken stop)
    {
        for (var sent = 0; sent < MaxTracesPerSender && !stop.IsCancellationRequested; sent++)
        {
            var spans = Spans.NewTrace(SpansPerTrace, spanName);
            try
            {
                ledger.Note(spans, await send(ExportRequest.Encode(spans)));
            }
            catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException)
            {
                ledger.Note(spans, Ledger.Outcome.Unknown);
                return;
            }
        }
    }
}
