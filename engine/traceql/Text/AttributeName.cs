using System.Text;

namespace Tempo.Engine.TraceQL.Text;

/// <summary>Which runes an attribute name may hold bare, and how the others are quoted.</summary>
internal static class AttributeName
{
    /// <summary>False for white space and for what ends a bare name: <c>{ } ( ) = ~ ! &lt; &gt; &amp; | ^ ,</c>.</summary>
    internal static bool IsBareRune(Rune rune) =>
        !Rune.IsWhiteSpace(rune)
        && rune.Value is not ('{' or '}' or '(' or ')' or '=' or '~' or '!' or '<' or '>' or '&' or '|' or '^' or ',');

    /// <summary>Appends the name bare, or quoted where it would not read back as itself.</summary>
    internal static void Append(StringBuilder builder, string prefix, string name)
    {
        builder.Append(prefix);
        if (!NeedsQuotes(prefix, name))
        {
            builder.Append(name);
            return;
        }

        builder.Append('"');
        foreach (char c in name)
        {
            if (c is '"' or '\\')
                builder.Append('\\');
            builder.Append(c);
        }

        builder.Append('"');
    }

    private static bool NeedsQuotes(string prefix, string name)
    {
        if (name.Length == 0)
            return true;
        // ".5" is a number, "parent.span.x" another scope.
        if (prefix == "." && char.IsAsciiDigit(name[0]))
            return true;
        if (prefix == "parent." && (name.StartsWith("span.", StringComparison.Ordinal)
            || name.StartsWith("resource.", StringComparison.Ordinal)))
            return true;
        foreach (Rune rune in name.EnumerateRunes())
        {
            if (rune.Value == '"' || !IsBareRune(rune))
                return true;
        }

        return false;
    }
}
