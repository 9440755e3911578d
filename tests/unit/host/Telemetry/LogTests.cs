using System.Text;
using System.Text.Json;
using Tempo.Engine.Foundation;
using Xunit;

namespace Tempo.Host.Tests.Telemetry;

public sealed class LogTests : IDisposable
{
    private readonly MemoryStream _output = new();
    private readonly Clock _clock = new();

    private Log Create(LogFormat format = LogFormat.Logfmt, LogLevel level = LogLevel.Debug) => new(_output, format, level, _clock);

    public void Dispose() => _output.Dispose();

    private string[] Lines => Encoding.UTF8.GetString(_output.ToArray()).Split('\n', StringSplitOptions.RemoveEmptyEntries);

    [Fact]
    public void Logfmt()
    {
        Create().Info("hello world", ("n", 5), ("f", 1.5), ("t", true), ("none", null), ("q", "a=\"b\""), ("plain", "a/b"), ("empty", ""));
        Assert.Equal(["level=info ts=2026-11-21T00:00:00.000000Z msg=\"hello world\" n=5 f=1.5 t=true none=null q=\"a=\\\"b\\\"\" plain=a/b empty=\"\""], Lines);
    }

    [Fact]
    public void Json()
    {
        Create(LogFormat.Json).Error("m", ("k", "a\"\\\n\u001b"), ("e", new IOException("x")));
        var line = JsonDocument.Parse(Lines[0]).RootElement;
        Assert.Equal(("error", "m", "a\"\\\n\u001b", "IOException: x"),
            (line.GetProperty("level").GetString(), line.GetProperty("msg").GetString(), line.GetProperty("k").GetString(),
                line.GetProperty("e").GetString()));
    }

    [Theory]
    [InlineData(LogFormat.Logfmt)]
    [InlineData(LogFormat.Json)]
    public void WhatStrangersSendStaysOneHarmlessLine(LogFormat format)
    {
        Create(format).Warn("m", ("k", "a\r\nlevel=error msg=fake\u001b[2J\u0000\u0085\u202e\u2066\u2028\ud800"));
        Assert.Single(Lines);
        Assert.DoesNotContain(Lines[0], c => char.IsControl(c) || c is '\u202e' or '\u2066' or '\u2028');
    }

    [Fact]
    public void ValuesAreCutAtAWholeCharacter()
    {
        Create().Info("m", ("k", new string('€', 100)), ("exact", new string('x', 256)), ("over", new string('x', 257)));
        Assert.EndsWith(
            $" k={new string('€', 85)}… exact={new string('x', 256)} over={new string('x', 256)}…", Lines[0], StringComparison.Ordinal);
    }

    [Fact]
    public void LevelsAreFiltered()
    {
        var log = Create(level: LogLevel.Warn);
        log.Debug("a");
        log.Info("b");
        log.Warn("c");
        Log.Null.Error("d");
        Assert.Single(Lines);
        Assert.False(log.IsEnabled(LogLevel.Info));
    }

    [Fact]
    public void AFloodIsHeldBackAndCounted()
    {
        var log = Create();
        for (var i = 0; i < 25; i++) log.Info("flood");
        log.Info("other");
        Assert.Equal(11, Lines.Length);
        _clock.Seconds++;
        log.Info("flood");
        Assert.EndsWith("msg=flood suppressed=15", Lines[^1], StringComparison.Ordinal);
    }

    private sealed class Clock : TimeProvider
    {
        public long Seconds { get; set; }
        public override long TimestampFrequency => 1;
        public override long GetTimestamp() => Seconds;
        public override DateTimeOffset GetUtcNow() => new DateTimeOffset(2026, 11, 21, 0, 0, 0, TimeSpan.Zero).AddSeconds(Seconds);
    }
}
