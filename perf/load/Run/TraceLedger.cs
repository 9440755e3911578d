namespace Tempo.Perf.Load.Run;

/// <summary>
/// A text file of every trace in an acknowledged request, one line each: 32 hex digits of the id, a space, the number of spans.
/// What a durability test asks the server for after it was killed. Safe for several threads.
/// </summary>
internal sealed class TraceLedger(string path) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly StreamWriter _file = new(path);

    /// <param name="traceIds">16 bytes each.</param>
    /// <param name="spansPerTrace">As many as there are ids.</param>
    public void Add(ReadOnlySpan<byte> traceIds, ReadOnlySpan<int> spansPerTrace)
    {
        lock (_gate)
        {
            for (int trace = 0; trace < spansPerTrace.Length; trace++)
            {
                _file.Write(Convert.ToHexStringLower(traceIds.Slice(16 * trace, 16)));
                _file.Write(' ');
                _file.WriteLine(spansPerTrace[trace]);
            }
        }
    }

    public void Dispose() => _file.Dispose();
}
