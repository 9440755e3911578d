using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;

namespace Tempo.Engine.Foundation;

/// <summary>
/// Rewrites Go's RE2 syntax (https://github.com/google/re2/wiki/Syntax) as a pattern for .NET's non-backtracking engine.
/// Rewritten are the ASCII classes, <c>$</c>, groups, braces that repeat nothing, octal and long hex escapes, and <c>\Q…\E</c>.
/// What .NET has and RE2 has not is refused: lookaround, back references, atomic groups, class subtraction.
/// <para>
/// Where a match is only yes or no, no group captures and greed is left out. Where groups are asked for, each gets its number
/// from RE2's order, since .NET would number those with names behind the others.
/// </para>
/// </summary>
internal sealed class Re2Translator
{
    private const int MaxRepeat = 1000;
    private const int MaxGroupDepth = 250;

    private readonly string _pattern;
    private readonly StringBuilder _output = new();
    private readonly Stack<(bool Multiline, bool Ungreedy)> _outerGroups = new();

    // Of the groups that capture, "" for one without a name; null if none does.
    private readonly List<string>? _groupNames;
    private int _position;
    private bool _multiline;
    private bool _ungreedy;
    private bool _canRepeat;
    private string? _error;

    private Re2Translator(string pattern, List<string>? groupNames) => (_pattern, _groupNames) = (pattern, groupNames);

    /// <param name="pattern">In RE2's syntax.</param>
    /// <param name="groupNames">Gets the name of each group that captures, in their order; null: no group captures.</param>
    /// <param name="translated">The same in .NET's, if the answer is true.</param>
    /// <param name="error">In the words of Go's parser, if it is false.</param>
    internal static bool TryTranslate(
        string pattern, List<string>? groupNames, [NotNullWhen(true)] out string? translated, [NotNullWhen(false)] out string? error)
    {
        var translator = new Re2Translator(pattern, groupNames);
        bool isTranslated = translator.Translate();
        translated = isTranslated ? translator._output.ToString() : null;
        error = isTranslated ? null : translator._error ?? "invalid pattern";
        return isTranslated;
    }

    private bool Translate()
    {
        while (_position < _pattern.Length)
        {
            if (!TranslateNext())
                return false;
        }

        return _outerGroups.Count == 0 || Fail("missing closing )");
    }

    private bool TranslateNext()
    {
        char c = _pattern[_position];
        switch (c)
        {
            case '\\':
                return TranslateEscape();
            case '[':
                return TranslateClass();
            case '(':
                return OpenGroup();
            case ')':
                return CloseGroup();
            case '*' or '+' or '?':
                _position++;
                return Repeat(c.ToString());
            case '{':
                return TranslateBrace();
            case '|':
                return Emit(1, "|", canRepeat: false);
            case '^':
                return Emit(1, _multiline ? "(?m:^)" : @"\A", canRepeat: true);
            case '$':
                return Emit(1, _multiline ? "(?m:$)" : @"\z", canRepeat: true);
            case '.':
                return Emit(1, ".", canRepeat: true);
            default:
                return EmitLiteral(1, c);
        }
    }

    private bool OpenGroup()
    {
        if (_outerGroups.Count == MaxGroupDepth)
            return Fail("expression nests too deeply");
        ReadOnlySpan<char> rest = _pattern.AsSpan(_position);
        if (rest.StartsWith("(?P<", StringComparison.Ordinal) || rest.StartsWith("(?<", StringComparison.Ordinal))
        {
            int nameStart = rest[2] == 'P' ? 4 : 3;
            int nameLength = rest[nameStart..].IndexOf('>');
            if (nameLength <= 0 || !IsGroupName(rest.Slice(nameStart, nameLength)))
                return Fail("invalid named capture");
            return OpenGroup(nameStart + nameLength + 1, rest.Slice(nameStart, nameLength).ToString());
        }

        return rest.StartsWith("(?", StringComparison.Ordinal) ? TranslateFlags() : OpenGroup(1, "");
    }

    private bool OpenGroup(int length, string name)
    {
        _outerGroups.Push((_multiline, _ungreedy));
        if (_groupNames is null)
            return Emit(length, "(?:", canRepeat: false);
        if (name.Length > 0 && _groupNames.Contains(name))
            return Fail($"duplicate capture group name: {name}");
        _groupNames.Add(name);
        return Emit(length, string.Create(CultureInfo.InvariantCulture, $"(?<{_groupNames.Count}>"), canRepeat: false);
    }

    private bool CloseGroup()
    {
        if (!_outerGroups.TryPop(out var outer))
            return Fail("unexpected )");
        (_multiline, _ungreedy) = outer;
        return Emit(1, ")", canRepeat: true);
    }

    /// <summary>(?flags) and (?flags:…). U turns greediness around.</summary>
    private bool TranslateFlags()
    {
        int index = _position + 2;
        bool isOn = true;
        bool multiline = _multiline;
        bool ungreedy = _ungreedy;
        var on = new StringBuilder();
        var off = new StringBuilder();
        for (; index < _pattern.Length && _pattern[index] is not (')' or ':'); index++)
        {
            char flag = _pattern[index];
            if (flag == '-' && isOn)
                isOn = false;
            else if (flag == 'm')
                multiline = isOn;
            else if (flag is 'i' or 's')
                (isOn ? on : off).Append(flag);
            else if (flag == 'U')
                ungreedy = isOn;
            else
                return Fail("invalid or unsupported Perl syntax");
        }

        if (index == _pattern.Length || _pattern[index - 1] is '-' or '?' && _pattern[index] == ')')
            return Fail("missing argument to (?");
        bool isGroup = _pattern[index] == ':';
        if (isGroup)
            _outerGroups.Push((_multiline, _ungreedy));
        (_multiline, _ungreedy) = (multiline, ungreedy);
        string flags = off.Length == 0 ? on.ToString() : $"{on}-{off}";
        _position = index + 1;
        _canRepeat = false;
        if (isGroup)
            _output.Append("(?").Append(flags).Append(':');
        else if (flags.Length > 0)
            _output.Append("(?").Append(flags).Append(')');
        return true;
    }

    /// <summary>{n}, {n,} or {n,m}; anything else in braces is itself.</summary>
    private bool TranslateBrace()
    {
        int index = _position + 1;
        int? min = TakeNumber(ref index);
        int? max = min;
        if (min is not null && index < _pattern.Length && _pattern[index] == ',')
        {
            index++;
            max = TakeNumber(ref index) ?? (index < _pattern.Length && _pattern[index] == '}' ? -1 : null);
        }

        if (min is null || max is null || index == _pattern.Length || _pattern[index] != '}')
            return EmitLiteral(1, '{');
        if (min > MaxRepeat || max > MaxRepeat || max >= 0 && max < min)
            return Fail($"invalid repeat count: {_pattern[_position..(index + 1)]}");
        string repeat = _pattern[_position..(index + 1)];
        _position = index + 1;
        return Repeat(repeat);
    }

    private bool Repeat(string repeat)
    {
        if (!_canRepeat)
            return Fail($"missing argument to repetition operator: {repeat}");
        _output.Append(repeat);
        _canRepeat = false;
        bool isLazy = _ungreedy;
        if (_position < _pattern.Length && _pattern[_position] == '?')
        {
            isLazy = !isLazy;
            _position++;
        }

        // A lazy repetition matches the same texts; only what its groups hold is another part.
        if (isLazy && _groupNames is not null)
            _output.Append('?');
        return true;
    }

    private int? TakeNumber(ref int index)
    {
        int start = index;
        while (index < _pattern.Length && char.IsAsciiDigit(_pattern[index]))
            index++;
        if (start == index)
            return null;
        return int.TryParse(_pattern.AsSpan(start, index - start), NumberStyles.None, CultureInfo.InvariantCulture, out int value)
            ? value
            : int.MaxValue;
    }

    private bool TranslateEscape()
    {
        if (_position + 1 == _pattern.Length)
            return Fail("trailing backslash at end of expression");
        char c = _pattern[_position + 1];
        switch (c)
        {
            case 'Q':
                return TranslateQuoted();
            case 'A' or 'z' or 'b' or 'B':
                return Emit(2, $"\\{c}", canRepeat: true);
            case 'd' or 'D' or 's' or 'S' or 'w' or 'W':
                return Emit(2, $"[{(char.IsUpper(c) ? "^" : "")}{AsciiClass(char.ToLowerInvariant(c))}]", canRepeat: true);
            case 'p' or 'P':
                return TryTakeCategory(out string? category) && Emit(0, category, canRepeat: true);
            default:
                return TryTakeCharacterEscape(out string? character) && Emit(0, character, canRepeat: true);
        }
    }

    private bool TranslateQuoted()
    {
        int start = _position + 2;
        int end = _pattern.IndexOf(@"\E", start, StringComparison.Ordinal);
        int stop = end < 0 ? _pattern.Length : end;
        for (int i = start; i < stop; i++)
            EmitLiteral(0, _pattern[i]);
        _position = end < 0 ? stop : end + 2;
        return true;
    }

    private bool TranslateClass()
    {
        _position++;
        _output.Append('[');
        if (_position < _pattern.Length && _pattern[_position] == '^')
        {
            _output.Append('^');
            _position++;
        }

        bool isFirst = true;
        while (_position < _pattern.Length && (isFirst || _pattern[_position] != ']'))
        {
            isFirst = false;
            if (!TranslateClassItem())
                return false;
        }

        if (_position == _pattern.Length)
            return Fail("missing closing ]");
        return Emit(1, "]", canRepeat: true);
    }

    private bool TranslateClassItem()
    {
        ReadOnlySpan<char> rest = _pattern.AsSpan(_position);
        if (rest.StartsWith("[:", StringComparison.Ordinal) && rest.IndexOf(":]", StringComparison.Ordinal) is > 1 and var end)
            return TranslateNamedClass(rest[2..end], end + 2);
        if (rest.Length > 1 && rest[0] == '\\')
        {
            char c = rest[1];
            if (c is 'd' or 's' or 'w')
                return Emit(2, AsciiClass(c), canRepeat: true);
            if (c is 'D' or 'S' or 'W')
                return Emit(2, NegatedAsciiClass(char.ToLowerInvariant(c)), canRepeat: true);
            if (c is 'p' or 'P')
                return TryTakeCategory(out string? category) && Emit(0, category, canRepeat: true);
        }

        if (!TryTakeClassCharacter(out int low))
            return false;
        int high = low;
        if (_position + 1 < _pattern.Length && _pattern[_position] == '-' && _pattern[_position + 1] != ']')
        {
            _position++;
            if (!TryTakeClassCharacter(out high))
                return false;
        }

        if (high < low)
            return Fail("invalid character class range");
        _output.Append(ClassCharacter(low));
        if (high != low)
            _output.Append('-').Append(ClassCharacter(high));
        return true;
    }

    private bool TranslateNamedClass(ReadOnlySpan<char> name, int length)
    {
        bool isNegated = name.StartsWith("^", StringComparison.Ordinal);
        string? ranges = (isNegated ? name[1..] : name) switch
        {
            "alnum" => "0-9A-Za-z",
            "alpha" => "A-Za-z",
            "ascii" => @"\x00-\x7F",
            "blank" => @"\t ",
            "cntrl" => @"\x00-\x1F\x7F",
            "digit" => "0-9",
            "graph" => "!-~",
            "lower" => "a-z",
            "print" => " -~",
            "punct" => @"!-/:-@\[-`{-~",
            "space" => @"\t\n\v\f\r ",
            "upper" => "A-Z",
            "word" => "0-9A-Za-z_",
            "xdigit" => "0-9A-Fa-f",
            _ => null,
        };
        return ranges is not null && !isNegated ? Emit(length, ranges, canRepeat: true) : Fail("invalid character class range");
    }

    private bool TryTakeClassCharacter(out int character)
    {
        character = 0;
        if (_position == _pattern.Length)
            return Fail("missing closing ]");
        if (_pattern[_position] != '\\')
        {
            character = _pattern[_position++];
            return true;
        }

        return TryTakeEscapedRune(out character)
            && (character <= char.MaxValue || Fail("characters beyond U+FFFF are not supported in a class"));
    }

    private bool TryTakeCharacterEscape([NotNullWhen(true)] out string? character)
    {
        character = null;
        if (!TryTakeEscapedRune(out int value))
            return false;
        var text = new StringBuilder();
        foreach (char c in Rune.IsValid(value) ? new Rune(value).ToString() : "�")
            text.Append(ClassCharacter(c));
        character = text.Length > 6 ? $"(?:{text})" : text.ToString();
        return true;
    }

    /// <summary>\n, \x7F, \x{10FFFF}, \123 and escaped punctuation.</summary>
    private bool TryTakeEscapedRune(out int value)
    {
        value = 0;
        if (_position + 1 == _pattern.Length)
            return Fail("trailing backslash at end of expression");
        char c = _pattern[_position + 1];
        _position += 2;
        switch (c)
        {
            case 'a' or 'f' or 'n' or 'r' or 't' or 'v':
                value = c switch { 'a' => 7, 'f' => 12, 'n' => 10, 'r' => 13, 't' => 9, _ => 11 };
                return true;
            case 'x':
                return TryTakeHex(out value);
            case '0' or (>= '1' and <= '7') when c == '0' || _position < _pattern.Length && _pattern[_position] is >= '0' and <= '7':
                value = c - '0';
                for (int i = 0; i < 2 && _position < _pattern.Length && _pattern[_position] is >= '0' and <= '7'; i++)
                    value = value * 8 + (_pattern[_position++] - '0');
                return true;
            default:
                value = c;
                return c < 0x80 && !char.IsAsciiLetterOrDigit(c) || Fail($"invalid escape sequence: \\{c}");
        }
    }

    private bool TryTakeHex(out int value)
    {
        value = 0;
        ReadOnlySpan<char> rest = _pattern.AsSpan(_position);
        int start = rest.StartsWith("{", StringComparison.Ordinal) ? 1 : 0;
        int length = start == 1 ? rest.IndexOf('}') - 1 : Math.Min(2, rest.Length);
        if (length is < 1 or > 8 || start == 0 && length != 2
            || !int.TryParse(rest.Slice(start, length), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value)
            || value is < 0 or > 0x10FFFF)
        {
            return Fail("invalid escape sequence: \\x");
        }

        _position += start == 1 ? length + 2 : 2;
        return true;
    }

    /// <summary>\pL, \p{Lu}, \p{^L}, \PL.</summary>
    private bool TryTakeCategory([NotNullWhen(true)] out string? category)
    {
        category = null;
        bool isNegated = _pattern[_position + 1] == 'P';
        ReadOnlySpan<char> rest = _pattern.AsSpan(_position + 2);
        if (rest.IsEmpty)
            return Fail("invalid character class range");
        int end = rest[0] == '{' ? rest.IndexOf('}') : 0;
        if (end < 0)
            return Fail("invalid character class range");
        ReadOnlySpan<char> name = end == 0 ? rest[..1] : rest[1..end];
        if (name.StartsWith("^", StringComparison.Ordinal))
        {
            isNegated = !isNegated;
            name = name[1..];
        }

        // One or two letters name a general category, longer names are scripts; .NET knows which categories exist.
        if (name.Length is < 1 or > 2 || name.ContainsAnyExcept(CategoryLetters))
            return Fail("unknown or unsupported Unicode class");
        category = $"\\{(isNegated ? 'P' : 'p')}{{{name}}}";
        _position += 2 + end + 1;
        return true;
    }

    private static readonly System.Buffers.SearchValues<char> CategoryLetters =
        System.Buffers.SearchValues.Create("LMNPSZCuloctmndecksfip");

    private static string AsciiClass(char kind) => kind switch
    {
        'd' => "0-9",
        's' => @"\t\n\f\r ",
        _ => "0-9A-Za-z_",
    };

    private static string NegatedAsciiClass(char kind) => kind switch
    {
        'd' => @"\x00-/:-\uFFFF",
        's' => @"\x00-\x08\x0B\x0E-\x1F!-\uFFFF",
        _ => @"\x00-/:-@\[-\^`{-\uFFFF",
    };

    private static string ClassCharacter(int character) =>
        character < 0x80 && char.IsAsciiLetterOrDigit((char)character)
            ? ((char)character).ToString()
            : string.Create(CultureInfo.InvariantCulture, $"\\u{character:X4}");

    private static bool IsGroupName(ReadOnlySpan<char> name)
    {
        foreach (char c in name)
        {
            if (c != '_' && !char.IsLetterOrDigit(c))
                return false;
        }

        return true;
    }

    private bool EmitLiteral(int consumed, char c) =>
        Emit(consumed, char.IsAsciiLetterOrDigit(c) ? c.ToString() : ClassCharacter(c), canRepeat: true);

    private bool Emit(int consumed, string text, bool canRepeat)
    {
        _position += consumed;
        _output.Append(text);
        _canRepeat = canRepeat;
        return true;
    }

    private bool Fail(string error)
    {
        _error ??= $"error parsing regexp: {error}";
        return false;
    }
}
