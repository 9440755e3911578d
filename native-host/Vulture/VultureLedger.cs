using System.Globalization;
using System.Text;

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
/// again at the start, where what a full disk or a power cut has left of a last line is cut off: what became of that trace
/// nobody knows. Not thread safe.
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
        _file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read);
        try
        {
            ReadAll(_file, path);
        }
        catch
        {
            _file.Dispose();
            throw;
        }
    }

    public int Count(VultureOutcome outcome) => _traces[(int)outcome].Count;

    /// <summary>In the order in which they were sent.</summary>
    public IReadOnlyList<VultureTrace> Of(VultureOutcome outcome) => _traces[(int)outcome];

    public void Note(VultureTrace trace, VultureOutcome outcome)
    {
        _traces[(int)outcome].Add(trace);
        if (_file is null) return;
        _file.Write(Encoding.ASCII.GetBytes(
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

    // Nothing is changed of a file that holds something else.
    private void ReadAll(FileStream file, string path)
    {
        var isWhole = file.Length == 0;
        if (!isWhole)
        {
            file.Seek(-1, SeekOrigin.End);
            isWhole = file.ReadByte() == '\n';
            file.Seek(0, SeekOrigin.Begin);
        }

        string? last = null;
        using (var reader = new StreamReader(file, Encoding.ASCII, leaveOpen: true))
        {
            for (; reader.ReadLine() is { } line; last = line)
                if (last is not null) Read(last, path);
        }

        if (last is not null && (isWhole || !IsBegun(last))) Read(last, path);
        else if (last is not null) file.SetLength(file.Length - last.Length);
        file.Seek(0, SeekOrigin.End);
    }

    // A line of the ledger may begin so; a whole one without its end may be one of which a digit is missing.
    private static bool IsBegun(string line) =>
        Array.Exists(Words, word =>
            line.StartsWith(word + " ", StringComparison.Ordinal) || (word + " ").StartsWith(line, StringComparison.Ordinal));

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
