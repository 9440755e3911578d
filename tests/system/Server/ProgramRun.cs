using System.Diagnostics;
using System.Text;

namespace Tempo.SystemTests.Server;

/// <summary>What a program that was run to its end has said.</summary>
internal sealed record ProgramRun(int ExitCode, string Output, string Errors)
{
    public string Everything => Output + Errors;

    /// <summary>Runs to the end; a program that is still there after <paramref name="limit"/> is killed and that is an error.
    /// <paramref name="onErrorLine"/> hears each line of its standard error as it is written.</summary>
    public static async Task<ProgramRun> ToEndAsync(
        string program, IEnumerable<string> arguments, TimeSpan limit, Action<string>? onErrorLine = null)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.UTF8,
            StandardErrorEncoding = Encoding.UTF8,
        })!;
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = ReadLinesAsync(process.StandardError, onErrorLine);
        using var patience = new CancellationTokenSource(limit);
        try
        {
            await process.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{program} was still running after {limit.TotalSeconds} s. It said:\n{await output}{await errors}");
        }

        return new ProgramRun(process.ExitCode, await output, await errors);
    }

    private static async Task<string> ReadLinesAsync(StreamReader reader, Action<string>? onLine)
    {
        var text = new StringBuilder();
        while (await reader.ReadLineAsync() is { } line)
        {
            text.AppendLine(line);
            onLine?.Invoke(line);
        }

        return text.ToString();
    }
}
