using System.Globalization;

namespace Tempo.Perf.Load.Verbs;

/// <summary>Wrong arguments; the message is for the user.</summary>
internal sealed class OptionException(string message) : Exception(message);

/// <summary>Takes <c>--name value</c> and <c>--name</c> pairs off the command line; what is left over at the end is an error.</summary>
internal sealed class OptionReader(IEnumerable<string> arguments)
{
    private readonly List<string> _rest = [.. arguments];

    public string? Text(string name)
    {
        int index = _rest.IndexOf(name);
        if (index < 0) return null;
        if (index + 1 == _rest.Count) throw new OptionException($"{name} needs a value.");
        string value = _rest[index + 1];
        _rest.RemoveRange(index, 2);
        return value;
    }

    /// <summary>The value, which is left to be taken; null if there is none.</summary>
    public string? Peek(string name) => _rest.IndexOf(name) is var index and >= 0 && index + 1 < _rest.Count ? _rest[index + 1] : null;

    public bool Flag(string name) => _rest.Remove(name);

    public int Int(string name, int fallback, int min, int max) => (int)Long(name, fallback, min, max);

    public long Long(string name, long fallback, long min, long max)
    {
        string? text = Text(name);
        if (text is null) return fallback;
        if (!long.TryParse(text, NumberStyles.Integer, CultureInfo.InvariantCulture, out long value) || value < min || value > max)
            throw new OptionException($"{name} is '{text}'; it must be a whole number from {min} to {max}.");
        return value;
    }

    public double Real(string name, double fallback, double min, double max)
    {
        string? text = Text(name);
        if (text is null) return fallback;
        if (!double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) || !(value >= min && value <= max))
            throw new OptionException($"{name} is '{text}'; it must be a number from {min} to {max}.");
        return value;
    }

    public void ExpectEnd()
    {
        if (_rest.Count > 0) throw new OptionException($"'{_rest[0]}' is not an option of this verb.");
    }
}
