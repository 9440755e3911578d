using System.Text;

namespace Tempo.Host.Config;

/// <summary>
/// <c>-config.expand-env</c>: <c>${NAME}</c>, <c>${NAME:-text}</c> and <c>${NAME:=text}</c> (the text when the variable is
/// unset or empty), <c>${NAME-text}</c> and <c>${NAME=text}</c> (only when unset). <c>$$</c> is a dollar sign. One pass:
/// what a variable holds is never expanded again.
/// </summary>
public static class EnvironmentExpansion
{
    /// <summary>Most characters that expansion may produce.</summary>
    private const int MaxLength = YamlReader.MaxFileBytes;

    /// <param name="fileName">Named in errors.</param>
    /// <param name="text">The file.</param>
    /// <param name="read">Value of a variable, null when it is unset.</param>
    /// <exception cref="ConfigException">A <c>${</c> without its end, a bad name, or a result that is too long.</exception>
    public static string Expand(string fileName, string text, Func<string, string?> read)
    {
        var expanded = new StringBuilder(text.Length);
        var line = 1;
        for (var i = 0; i < text.Length; i++)
        {
            if (expanded.Length > MaxLength)
                throw new ConfigException($"{fileName}: line {line}: longer than {MaxLength} characters after expansion");
            if (text[i] == '\n') line++;
            if (text[i] != '$' || i + 1 == text.Length || text[i + 1] is not ('{' or '$'))
            {
                expanded.Append(text[i]);
                continue;
            }

            if (text[++i] == '$')
            {
                expanded.Append('$');
                continue;
            }

            var end = text.IndexOf('}', i);
            if (end < 0) throw new ConfigException($"{fileName}: line {line}: ${{ without }}");
            var inside = text[(i + 1)..end];
            var value = Value(inside, read);
            expanded.Append(value ?? throw new ConfigException($"{fileName}: line {line}: bad variable {GoText.Quote(NameOf(inside))}"));
            line += inside.AsSpan().Count('\n');
            i = end;
        }

        return expanded.ToString();
    }

    // As far as it could be one: what stands behind it may be a secret.
    private static string NameOf(string inside)
    {
        var length = inside.AsSpan().IndexOfAnyExcept(NameCharacters);
        return length < 0 ? inside : inside[..length];
    }

    // The value, or null if there is no valid name.
    private static string? Value(string inside, Func<string, string?> read)
    {
        var name = NameOf(inside);
        if (name.Length == 0 || char.IsAsciiDigit(name[0])) return null;
        var found = read(name);
        return inside.AsSpan(name.Length) switch
        {
            "" => found ?? "",
            [':', '-' or '=', .. var otherwise] => string.IsNullOrEmpty(found) ? otherwise.ToString() : found,
            ['-' or '=', .. var otherwise] => found ?? otherwise.ToString(),
            _ => null,
        };
    }

    private static readonly System.Buffers.SearchValues<char> NameCharacters =
        System.Buffers.SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");
}
