using System.Diagnostics;

namespace Tempo.SystemTests.Prometheus;

/// <summary><c>promtool check metrics</c>: reads a page as Prometheus does, and says what is against its conventions.</summary>
internal static class Promtool
{
    public static async Task AcceptsAsync(string page)
    {
        using var process = Process.Start(
            new ProcessStartInfo(
                "promtool", ["check", "metrics"])
            {
                RedirectStandardInput = true,
                RedirectStandardError = true,
                RedirectStandardOutput = true
            })!;
        var said = Task.WhenAll(process.StandardError.ReadToEndAsync(), process.StandardOutput.ReadToEndAsync());
        await process.StandardInput.WriteAsync(page);
        process.StandardInput.Close();
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, $"promtool: {string.Concat(await said)}");
    }
}
