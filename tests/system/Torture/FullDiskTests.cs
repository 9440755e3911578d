using Tempo.SystemTests.Lifecycle;
using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Torture;

/// <summary>
/// A disk that somebody else fills: new data is refused, what was taken is answered, and it goes on by itself when there is room.
/// </summary>
public sealed class FullDiskTests(ITestOutputHelper output)
{
    /// <summary>Fills the log faster than what is asked for again.</summary>
    private const int ManySpans = 5000;

    [Fact]
    public async Task New_data_is_refused_and_taken_again_when_there_is_room()
    {
        Mounts.Need();
        var rounds = new Rounds("disk full (tmpfs)", output);
        await using var tempo = TempoProcess.Prepare(new TempoSettings { MaxBlockDuration = "1h", CompactionCycle = "1h" });
        await using var disk = await Mounts.TmpfsAsync(tempo.DataFolder, megabytes: 256);
        var ledger = new Ledger();
        var check = new LedgerCheck(tempo, ledger);
        await tempo.StartAsync();
        using var client = new OtlpHttpClient(tempo.OtlpHttpUrl);
        for (var round = 0; round < Rounds.Count(2); round++)
        {
            var name = $"full {round}";
            var others = Path.Combine(tempo.DataFolder, "somebody else's");
            Mounts.Fill(others);
            var outcome = Outcome.Acknowledged;
            for (var request = 0; outcome == Outcome.Acknowledged; request++)
            {
                Assert.True(request < 1000, "a disk that is full takes anything");
                await client.PostAsync(ExportRequest.Encode(Spans.NewTrace(ManySpans, "filler")));
                outcome = await Script.SendAsync(client, ledger, name);
            }

            var refusal = await client.PostAsync(ExportRequest.Encode(Spans.NewTrace(1, "too much")));
            Assert.True(refusal.Status == 503 && refusal.Headers.ContainsKey("Retry-After"), refusal.ToString());
            await check.NameAsync(name);

            File.Delete(others);
            await Eventually.HoldsAsync(
                "it takes data again", async () => await Script.SendAsync(client, ledger, $"again {round}") == Outcome.Acknowledged);
            await check.NameAsync($"again {round}");
            await tempo.Api.FlushAsync();
            rounds.Done($"{ledger}");
        }

        await tempo.KillAsync();
        await rounds.StartAsync(tempo);
        await check.EverythingAsync();
        rounds.Report(ledger);
        await tempo.KillAsync();
    }
}
