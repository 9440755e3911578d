using System.Globalization;

namespace Tempo.Host.Vulture;

/// <summary>What became of a trace.</summary>
internal enum VultureOutcome
{
    /// <summary>The connection broke, or an answer that may be tried again: there or not.</summary>
    Unknown,
    Acknowledged,
    Refused,
}

/// <summary>
/// Every trace that was sent, and what became of it, as lines of a file: <c>acknowledged 00c0ffee00c0ffee 1795221253000</c>. A
/// line is on the disk before the next trace is sent, so that a process that ends at any moment leaves nothing unsaid. Read
/// again at the start. Not thread safe.
/// </summary>
internal sealed class VultureLedger : IDisposable
{
    private static readonly string[] Words = ["unknown", "acknowledged", "refused"];
    private readonly FileStream? _file;
    private readonly List<VultureTrace>[] _traces = [[], [], []];

    /// <param name="path">Made if it is not there; empty for none, which remembers while the process lives.</param>
    /// <exception cref="IOException">The file cannot be had, or holds something else.</exception>
    public VultureLedger(string path)
    {
        if (path.Length == 0) return;
        if (File.Exists(path))
            foreach (var line in File.ReadLines(path)) Read(line, path);
        _file = new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.Read);
    }

    public int Count(VultureOutcome outcome) => _traces[(int)outcome].Count;

    /// <summary>In the order in which they were sent.</summary>
    public IReadOnlyList<VultureTrace> Of(VultureOutcome outcome) => _traces[(int)outcome];

    public void Note(VultureTrace trace, VultureOutcome outcome)
    {
        _traces[(int)outcome].Add(trace);
        if (_file is null) return;
        _file.Write(System.Text.Encoding.ASCII.GetBytes(
            $"{Words[(int)outcome]} {trace.Seed:x16} {trace.StartUnixMs.ToString(CultureInfo.InvariantCulture)}\n"));
        _file.Flush(flushToDisk: true);
    }

    /// <summary>Forgets what was sent before that time: the server may have deleted it. The file keeps it.</summary>
    public void Forget(long beforeUnixMs)
    {
        foreach (var list in _traces)
        {
            var old = list.TakeWhile(trace => trace.StartUnixMs < beforeUnixMs).Count();
            list.RemoveRange(0, old);
        }
    }

    public void Dispose() => _file?.Dispose();

    private void Read(string line, string path)
    {
        if (line.Split(' ') is [var word, var seed, var time]
            && Array.IndexOf(Words, word) is >= 0 and var outcome
            && ulong.TryParse(seed, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var number)
            && long.TryParse(time, NumberStyles.None, CultureInfo.InvariantCulture, out var milliseconds))
            _traces[outcome].Add(new VultureTrace(number, milliseconds));
        else throw new IOException($"{path} is no ledger: it has the line '{(line.Length > 80 ? line[..80] : line)}'");
    }
}
