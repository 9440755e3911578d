using System.Diagnostics;

namespace Tempo.Query.Tests.Kernels;

/// <summary>
/// The golden answers again with each kernel forced by its name, in a process of its own: the environment is read once. So what is answered
/// does not depend on which inner loops ran.
/// </summary>
public sealed class ForcedKernelTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    [Theory]
    [InlineData("TEMPO_QUERY_KERNEL=scalar", "TEMPO_UNPACK_KERNEL=scalar", "TEMPO_LEVEL_KERNEL=scalar")]
    [InlineData("TEMPO_QUERY_KERNEL=vector256", "TEMPO_UNPACK_KERNEL=vector256", "TEMPO_LEVEL_KERNEL=scalar")]
    [InlineData("TEMPO_QUERY_KERNEL=vector512", "TEMPO_UNPACK_KERNEL=scalar", "TEMPO_LEVEL_KERNEL=vector")]
    public async Task Answers_are_the_golden_ones(params string[] environment)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!,
            ["-noLogo", "-noColor", "-class", typeof(GoldenSearchTests).FullName!, "-class", typeof(GoldenMetricsTests).FullName!])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var variable in environment)
        {
            var parts = variable.Split('=');
            start.Environment[parts[0]] = parts[1];
        }

        using var process = Process.Start(start)!;
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(Patience);
        var errors = process.StandardError.ReadToEndAsync(patience.Token);
        var output = await process.StandardOutput.ReadToEndAsync(patience.Token);
        await process.WaitForExitAsync(patience.Token);
        Assert.True(process.ExitCode == 0, output + await errors);
        Assert.DoesNotContain("Total: 0", output, StringComparison.Ordinal);
    }
}
