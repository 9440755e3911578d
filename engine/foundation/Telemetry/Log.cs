using System.Globalization;
using System.Text;

namespace Tempo.Engine.Foundation;

/// <summary>How grave a line is. Lines below the log's level are not built.</summary>
public enum LogLevel
{
    Debug,
    Info,
    Warn,
    Error,
}

/// <summary>Shape of a line: <c>level=info ts=… msg=… key=value</c>, or one JSON object.</summary>
public enum LogFormat
{
    Logfmt,
    Json,
}

/// <summary>
/// The process's structured log: a constant message and named fields, one line each. What strangers sent may stand in a
/// field: control characters and text-direction marks are escaped and a value is cut at <see cref="MaxValueBytes"/>, so
/// a line is always one line and never a terminal command. A message that comes more than
/// <see cref="MaxLinesPerSecond"/> times in a second is held back and counted in the <c>suppressed</c> field of its next
/// line. Thread safe; lines are written whole.
/// </summary>
public sealed class Log
{
    /// <summary>Longest value of a field, in UTF-8 bytes before escaping; the rest is replaced by "…".</summary>
    public const int MaxValueBytes = 256;

    /// <summary>Longest message, in UTF-8 bytes: room for an error text with its place and its limits.</summary>
    public const int MaxMessageBytes = 1024;

    /// <summary>Lines of one message that are written in one second.</summary>
    public const int MaxLinesPerSecond = 10;

    /// <summary>Messages whose rate is watched. Messages are constants in the code, so this is never reached by input.</summary>
    private const int MaxWatchedMessages = 1000;

    /// <summary>Drops everything.</summary>
#pragma warning disable RS0030 // what it would date is dropped
    public static readonly Log Null = new(Stream.Null, LogFormat.Logfmt, (LogLevel)int.MaxValue, TimeProvider.System);
#pragma warning restore RS0030

    private readonly Lock _lock = new();
    private readonly Stream _output;
    private readonly LogFormat _format;
    private readonly LogLevel _level;
    private readonly TimeProvider _time;

    // Guarded by _lock, like the two below it.
    private readonly Dictionary<string, Rate> _rates = new(StringComparer.Ordinal);
    private readonly StringBuilder _line = new(256);
    private byte[] _bytes = new byte[1024];

    /// <param name="output">Receives UTF-8 lines; flushed after each. Not disposed by the log.</param>
    public Log(Stream output, LogFormat format, LogLevel level, TimeProvider time)
    {
        _output = output;
        _format = format;
        _level = level;
        _time = time;
    }

    public bool IsEnabled(LogLevel level) => level >= _level;

    public void Debug(string message, params ReadOnlySpan<(string Key, object? Value)> fields) => Write(LogLevel.Debug, message, fields);
    public void Info(string message, params ReadOnlySpan<(string Key, object? Value)> fields) => Write(LogLevel.Info, message, fields);
    public void Warn(string message, params ReadOnlySpan<(string Key, object? Value)> fields) => Write(LogLevel.Warn, message, fields);
    public void Error(string message, params ReadOnlySpan<(string Key, object? Value)> fields) => Write(LogLevel.Error, message, fields);

    /// <summary>
    /// <see cref="Info"/> without the limit of lines a second: for lines that an operator has asked for, such as one for each span.
    /// </summary>
    public void InfoUnlimited(string message, params ReadOnlySpan<(string Key, object? Value)> fields) =>
        Write(LogLevel.Info, message, fields, isLimited: false);

    private void Write(LogLevel level, string message, ReadOnlySpan<(string Key, object? Value)> fields, bool isLimited = true)
    {
        if (!IsEnabled(level)) return;
        lock (_lock)
        {
            var suppressed = 0L;
            if (isLimited && !Admit(message, out suppressed)) return;
            _line.Clear();
            var now = _time.GetUtcNow().UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.ffffffZ", CultureInfo.InvariantCulture);
            Field("level", LevelName(level), MaxValueBytes);
            Field("ts", now, MaxValueBytes);
            Field("msg", message, MaxMessageBytes);
            foreach (var (key, value) in fields) Field(key, Text(value), MaxValueBytes);
            if (suppressed > 0) Field("suppressed", Text(suppressed), MaxValueBytes);
            if (_format == LogFormat.Json) _line.Append('}');
            _line.Append('\n');
            Emit();
        }
    }

    private bool Admit(string message, out long suppressed)
    {
        suppressed = 0;
        var second = _time.GetTimestamp() / _time.TimestampFrequency;
        if (!_rates.TryGetValue(message, out var rate))
        {
            if (_rates.Count >= MaxWatchedMessages) return true;
            rate = new Rate { Second = second };
            _rates.Add(message, rate);
        }

        if (rate.Second != second)
        {
            suppressed = rate.Suppressed;
            rate.Second = second;
            rate.Lines = 0;
            rate.Suppressed = 0;
        }

        if (++rate.Lines <= MaxLinesPerSecond) return true;
        rate.Suppressed++;
        return false;
    }

    private void Field(string key, string value, int maxBytes)
    {
        var cut = Cut(value, maxBytes);
        if (_format == LogFormat.Json)
        {
            _line.Append(_line.Length == 0 ? "{\"" : ",\"");
            Escape(key);
            _line.Append("\":\"");
            Escape(cut);
            _line.Append('"');
            return;
        }

        if (_line.Length > 0) _line.Append(' ');
        _line.Append(key).Append('=');
        var quoted = cut.Length == 0 || cut.AsSpan().ContainsAny(" =\"") || cut.Any(MustEscape);
        if (quoted) _line.Append('"');
        Escape(cut);
        if (quoted) _line.Append('"');
    }

    private void Escape(string text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (char.IsHighSurrogate(c) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1])) _line.Append(c).Append(text[++i]);
            else if (char.IsSurrogate(c)) _line.Append('\uFFFD');
            else if (c is '"' or '\\') _line.Append('\\').Append(c);
            else if (c == '\n') _line.Append("\\n");
            else if (MustEscape(c)) _line.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
            else _line.Append(c);
        }
    }

    // C0, DEL and C1 controls, line separators, and the marks that turn the direction of text.
    private static bool MustEscape(char c) =>
        char.IsControl(c) || c is '\\' or '\u2028' or '\u2029' or (>= '\u202A' and <= '\u202E') or (>= '\u2066' and <= '\u2069');

    private static string Cut(string text, int maxBytes)
    {
        if (text.Length * 3L <= maxBytes || Encoding.UTF8.GetByteCount(text) <= maxBytes) return text;
        var kept = 0;
        var size = 0;
        foreach (var rune in text.EnumerateRunes())
        {
            size += rune.Utf8SequenceLength;
            if (size > maxBytes) break;
            kept += rune.Utf16SequenceLength;
        }

        return string.Concat(text.AsSpan(0, kept), "…");
    }

    private static string Text(object? value) => value switch
    {
        null => "null",
        string text => text,
        bool flag => flag ? "true" : "false",
        Exception error => $"{error.GetType().Name}: {error.Message}",
        IFormattable formattable => formattable.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString() ?? "",
    };

    private static string LevelName(LogLevel level) => level switch
    {
        LogLevel.Debug => "debug",
        LogLevel.Info => "info",
        LogLevel.Warn => "warn",
        _ => "error",
    };

    private void Emit()
    {
        var text = _line.ToString();
        var most = Encoding.UTF8.GetMaxByteCount(text.Length);
        if (_bytes.Length < most) _bytes = new byte[most];
        var size = Encoding.UTF8.GetBytes(text, _bytes);
        try
        {
            _output.Write(_bytes, 0, size);
            _output.Flush();
        }
        catch (IOException)
        {
            // A reader of the log that went away must not take the process with it; there is nowhere left to tell.
        }
    }

    private sealed class Rate
    {
        public long Second;
        public int Lines;
        public long Suppressed;
    }
}
